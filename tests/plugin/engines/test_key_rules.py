"""The rules that know the pinned artifacts, as `check` asks them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.config import advice, examine
from bootstrap.config.rules import PLUGIN
from bootstrap.diagnostics import Diagnostic, Severity
from plugin.engines import provider

NIGHTLY = "[rust]\nchannel = 'nightly'\n[llvm]\nenzyme = {}\n[enzyme]\n{}\n"


def told(folder: Path, enzyme: str, *, on: bool = True) -> list[Diagnostic]:
    (folder / "config.toml").write_text(NIGHTLY.format(str(on).lower(), enzyme))
    resolved, found = examine(folder, environment={})
    return [*found, *advice(resolved, ["plugin.engines.key_rules"])]


@pytest.mark.parametrize(
    ("artifact", "label"),
    [("driver-21", "did you mean `driver-22`?"), ("zig-22", "one of `driver-22`,"), ("nothing", "one of `driver-22`,")],
)
def test_an_artifact_that_is_no_engine_is_an_error_at_its_place(tmp_path: Path, artifact: str, label: str) -> None:
    (found,) = told(tmp_path, f"artifact = '{artifact}'")
    assert (found.code, found.severity, found.message) == ("E0278", Severity.ERROR, f"`{artifact}` is no pinned engine")
    assert found.label.startswith(label)
    assert found.span
    assert (found.span.line, found.span.column) == (6, 12)
    assert told(tmp_path, f"artifact = '{artifact}'", on=False) == []


def test_an_engine_that_is_not_for_this_machine_is_a_warning_with_both_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert provider.engines()[0] == "driver-22"
    monkeypatch.setattr(provider, "host_platform", lambda: "linux-riscv64")
    (found,) = told(tmp_path, "artifact = 'driver-22'")
    assert (found.code, found.severity) == ("E0279", Severity.WARNING)
    assert "it is not pinned for linux-riscv64; units are built without" in found.message
    assert found.span
    assert (found.span.line, [each.span.line for each in found.related]) == (6, [4])


def test_a_faulty_key_is_not_spoken_of(tmp_path: Path) -> None:
    assert [each.code for each in told(tmp_path, "artifact = 3")] == ["E0203"]


def test_the_names_of_plugins_tell_them_from_drivers() -> None:
    roles = {each.name: each.role for each in provider.artifacts("linux-x86_64")}
    assert {name for name, role in roles.items() if role == "plugin"} == {name for name in roles if name.startswith(PLUGIN)}
    assert set(roles.values()) == {"driver", "plugin", "compiler"}
