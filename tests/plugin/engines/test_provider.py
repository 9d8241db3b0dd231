"""The pinned list: whole, of the right form, and answered by name and platform."""

import os
import re

import pytest
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from bootstrap.artifact import Artifact, File, Tree, Wheel
from bootstrap.diagnostics import Diagnostic, Failure
from plugin.engines import provider

PLATFORMS = ["linux-x86_64", "linux-aarch64", "macos-arm64"]
ALL = [artifact for platform in PLATFORMS for artifact in provider.artifacts(platform)]


def failure(name: str, platform: str | None = None) -> Diagnostic:
    with pytest.raises(Failure) as caught:
        provider.artifact(name, platform)
    assert caught.value.exit_status == 3
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_has_the_engine_and_the_compiler(platform: str) -> None:
    roles = {artifact.name: artifact.role for artifact in provider.artifacts(platform)}
    plugin = {"plugin-15": "plugin"} if platform == "linux-x86_64" else {}
    assert roles == {"driver-22": "driver", **plugin, "zig-22": "compiler"}


@pytest.mark.parametrize("artifact", ALL, ids=lambda artifact: artifact.key)
def test_a_pin_says_all_and_agrees_with_the_name_of_its_wheel(artifact: Artifact) -> None:
    wheel = artifact.wheel
    assert isinstance(wheel, Wheel)
    name, version, _, tags = parse_wheel_filename(wheel.file)
    assert (name, str(version)) == (wheel.distribution, artifact.version)
    python = "cp311" if wheel.implementation == "cp" else "py3"
    assert Tag(python, wheel.abi, wheel.platform) in tags
    for digest in (wheel.sha256, artifact.sha256):
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert 50_000_000 < wheel.size < 500_000_000
    assert 5_000_000 < artifact.content.size < 500_000_000
    assert artifact.license in {"Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MIT"}
    assert artifact.purpose
    assert artifact.name.endswith(f"-{artifact.llvm}")


def test_no_two_pins_share_a_digest() -> None:
    digests = [artifact.sha256 for artifact in ALL] + [artifact.wheel.sha256 for artifact in ALL]
    assert len(set(digests)) == 2 * len(ALL) == 14


def test_the_engine_is_a_file_and_the_compiler_a_tree() -> None:
    driver, zig = provider.artifact("driver-22", "linux-x86_64"), provider.artifact("zig-22", "linux-x86_64")
    assert isinstance(driver.content, File)
    assert driver.content.name == "catalyst"
    assert isinstance(zig.content, Tree)
    assert zig.content.executable == "zig"
    assert zig.content.kept("ziglang/lib/libc/include/x86-linux-gnu/bits/types.h") == "lib/libc/include/x86-linux-gnu/bits/types.h"
    assert zig.content.kept("ziglang/lib/libc/include/any-windows-any/windows.h") is None


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    found = failure("driver22")
    assert (found.code, found.help) == ("E0305", ("did you mean `driver-22`?",))
    assert failure("nothing of the kind").code == "E0305"


def test_a_platform_without_artifacts() -> None:
    assert provider.artifacts("plan9-mips") == []
    found = failure("driver-22", "plan9-mips")
    assert (found.code, found.notes) == ("E0306", ("pinned for: linux-x86_64, linux-aarch64, macos-arm64",))


@pytest.mark.parametrize(
    ("system", "machine", "platform"),
    [
        ("linux", "x86_64", "linux-x86_64"),
        ("linux", "aarch64", "linux-aarch64"),
        ("darwin", "arm64", "macos-arm64"),
        ("sunos5", "sparc", "sunos5-sparc"),
    ],
)
def test_the_platform_of_this_machine(system: str, machine: str, platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((system, "host", "1", "1", machine)))
    assert provider.host_platform() == platform


@pytest.mark.parametrize(
    ("library", "note"),
    [
        ("glibc 2.27", "this machine has glibc 2.27"),
        ("glibc 2.3.1", "this machine has glibc 2.3.1"),
        (None, "this machine has another C library"),
    ],
)
def test_a_c_library_that_is_too_old_or_another(library: str | None, note: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "host_platform", lambda: "linux-x86_64")
    monkeypatch.setattr(os, "confstr", lambda _: library)
    assert (failure("driver-22").code, failure("driver-22").notes) == ("E0306", (note,))
    assert provider.artifact("zig-22").name == "zig-22"  # linked statically
    monkeypatch.setattr(os, "confstr", lambda _: "glibc 2.28")
    assert provider.artifact("driver-22").platform == "linux-x86_64"
