"""The channel and HOLOENZYME_BOOTSTRAP."""

import stat
from pathlib import Path

import pytest

from bootstrap import channel
from bootstrap.channel import Channel


@pytest.mark.parametrize(
    ("name", "bootstrap", "anything", "gmm", "other"),
    [
        ("stable", "", False, False, False),
        ("beta", "", False, False, False),
        ("nightly", "", True, True, True),
        ("dev", "", True, True, True),
        ("stable", "1", True, True, True),
        ("stable", "gmm", True, True, False),
        ("beta", "lorenz,gmm", True, True, False),
        ("nightly", "gmm", True, True, True),
        ("nightly", "-1", False, False, False),
        ("dev", "-1", False, False, False),
        ("stable", "-1", False, False, False),
        ("stable", ",", False, False, False),
    ],
)
def test_the_variable_has_the_meaning_of_rustcs(name: str, bootstrap: str, anything: bool, gmm: bool, other: bool) -> None:  # noqa: FBT001
    found = channel.resolve(name, root=Path(), environment={"HOLOENZYME_BOOTSTRAP": bootstrap})
    assert (found.allows_unstable(), found.allows_unstable("gmm"), found.allows_unstable("other")) == (anything, gmm, other)


def fake_rustc(folder: Path, says: str, status: int = 0) -> str:
    path = folder / "rustc"
    path.write_text(f"#!/bin/sh\ncat <<'EOF'\n{says}\nEOF\nexit {status}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("release", "expected"),
    [("1.95.0", "stable"), ("1.97.0-nightly", "nightly"), ("1.96.0-beta.3", "beta"), ("1.98.0-dev", "dev"), ("1.98.0-other", "stable")],
)
def test_auto_detect_reads_the_release_of_rustc(tmp_path: Path, release: str, expected: str) -> None:
    rustc = fake_rustc(tmp_path, f"rustc {release} (0123456 2026-01-01)\nbinary: rustc\nrelease: {release}\nLLVM version: 22.1.2")
    found = channel.resolve("auto-detect", root=tmp_path, rustc=rustc, environment={})
    assert found == Channel(name=expected, reason=f"from `{rustc} -vV`")


def test_auto_detect_prefers_the_tree(tmp_path: Path) -> None:
    (tmp_path / "src/ci").mkdir(parents=True)
    (tmp_path / "src/ci/channel").write_text("beta\n")
    rustc = fake_rustc(tmp_path, "release: 1.97.0-nightly")
    assert channel.resolve("auto-detect", root=tmp_path, rustc=rustc, environment={}).name == "beta"
    (tmp_path / "src/ci/channel").write_bytes(b"\xff")
    assert channel.resolve("auto-detect", root=tmp_path, rustc=rustc, environment={}).name == "nightly"


def test_auto_detect_without_anything_is_stable_and_says_so(tmp_path: Path) -> None:
    missing = channel.resolve("auto-detect", root=tmp_path, rustc=str(tmp_path / "none"), environment={})
    assert missing.name == "stable"
    assert "does not run" in missing.reason
    broken = channel.resolve("auto-detect", root=tmp_path, rustc=fake_rustc(tmp_path, "release: 1.97.0-nightly", 1), environment={})
    assert (broken.name, "names no release" in broken.reason) == ("stable", True)
    hanging = tmp_path / "hangs"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)


def test_a_compiler_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "rustc"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(channel, "SECONDS", 0.2)
    assert channel.resolve("auto-detect", root=tmp_path, rustc=str(hanging), environment={}).name == "stable"
