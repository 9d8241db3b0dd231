"""`doctor`: what is here, what would be used, why the rest not, and whether the configuration can be built."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import holoenzyme
from bootstrap import doctor, glibc
from plugin.engines import provider

Call = Callable[..., tuple[int, str, str]]
UNIT = "[unit.a]\nsources = ['{source}']\n"
ENZYME = "[rust]\nchannel = 'nightly'\n[llvm]\nenzyme = true\n"


def program(folder: Path, name: str, says: str, status: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a few programs of our making, and nothing else on PATH."""
    folder = tmp_path / "bin"
    program(folder, "clang", "clang version 99.1.0")
    program(folder, "clang-15", "Debian clang version 15.0.6")
    program(folder, "clang-14", "Debian clang version 14.0.6")
    program(folder, "clang-3", "clang version 3.9.1")
    program(folder, "rustc", "rustc 1.95.0 (x 2026)\nLLVM version: 22.1")
    program(folder, "opt-15", "Debian LLVM version 15.0.6")
    program(folder, "llvm-config-15", "15.0.6")
    program(folder, "unrelated", "1.0")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{tmp_path / 'none'}")
    return folder


@pytest.fixture
def call(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    assert tools.is_dir()
    for name in os.environ:
        if name.startswith("HOLOENZYME_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOLOENZYME_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(holoenzyme.COMMANDS, "doctor", ("plugin.commands.doctor", "tell what is on this machine"))
    monkeypatch.setattr(provider, "host_platform", lambda: "linux-x86_64")
    monkeypatch.setattr(glibc, "has", bool)

    def _call(config: str, *words: str) -> tuple[int, str, str]:
        Path("config.toml").write_text(config)
        status = holoenzyme.main(["doctor", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return _call


def rows(out: str, heading: str) -> list[list[str]]:
    """The words of each row below a heading."""
    return [line.split() for line in out.partition(f"\n{heading}\n")[2].partition("\n\n")[0].splitlines()]


def test_what_is_used_and_why_not_the_rest(call: Call, tools: Path) -> None:
    status, out, err = call(ENZYME + UNIT.format(source="a.c"))
    assert (status, err) == (0, "")
    used = [row[1] for row in rows(out, "engines") + rows(out, "C and C++") if row[0] == "->"]
    assert used == ["driver-22", "clang-15"]
    lines = {row[0] if row[0] != "->" else row[1]: " ".join(row) for row in rows(out, "C and C++")}
    assert lines["clang"].endswith(f"(`{tools}/clang` writes LLVM 99; 13 to 22 can be used)")
    assert lines["clang-14"].endswith("(another clang comes first)")
    assert "writes LLVM 3" in lines["clang-3"]
    assert lines["zig-22"].endswith("(a clang of this machine is used)")
    assert "`holoenzyme fetch driver-22` brings" in out or "`./x.py fetch driver-22` brings" in out
    assert [row[:2] for row in rows(out, "LLVM")] == [["llvm-config-15", "15.0.6"], ["opt-15", "15.0.6"]]
    assert "unrelated" not in out
    assert out.endswith("this configuration can be built here\n")


def test_without_a_clang_zig_is_used(call: Call, tools: Path) -> None:
    for each in tools.glob("clang*"):
        each.unlink()
    out = call(UNIT.format(source="a.cpp"))[1]
    assert [row[1] for row in rows(out, "C and C++") if row[0] == "->"] == ["zig-22"]


def test_a_unit_in_rust_needs_a_rustc(call: Call, tools: Path) -> None:
    status, out, _ = call(UNIT.format(source="a.rs"))
    assert status == 0
    assert rows(out, "Rust") == [["->", "rustc", "1.95.0,", "LLVM", "22", f"{tools}/rustc"]]
    assert "(no unit is written in Rust)" in call(UNIT.format(source="a.c"))[1]
    program(tools, "rustc", "no toolchain is chosen", 1)
    status, out, err = call(UNIT.format(source="a.rs"))
    assert status == 1
    assert "error[E0403]" in err
    assert out.endswith("this configuration cannot be built here:\n")


@pytest.mark.parametrize(
    ("config", "words", "code"),
    [
        ("[llvm]\nenzyme = true\n", [], "E0208"),
        ("nope = 1\n", [], "E0204"),
        (ENZYME + "[enzyme]\nprovider = 'url'\n", [], "E0260"),
        (ENZYME + "[enzyme]\nartifact = 'driver-99'\n", [], "E0305"),
        (ENZYME, ["--offline"], "E0307"),
        ("[target.TRIPLE]\ncc = 'clang-99'\n" + UNIT.format(source="a.c"), [], "E0401"),
    ],
)
def test_what_keeps_a_configuration_from_being_built(call: Call, config: str, words: list[str], code: str) -> None:
    triple = doctor.machine().partition(",")[0]
    status, out, err = call(config.replace("TRIPLE", triple), *words)
    assert status == 1
    assert f"error[{code}]" in err
    assert rows(out, "engines")
    assert ("llvm.enzyme is off" in out) == (code == "E0401")
    assert ("the configuration is not valid" in out) == (code == "E0204")


def test_json_has_everything(call: Call) -> None:
    found = json.loads(call(ENZYME, "--json")[1])
    assert set(found) == {"configuration", "machine", "cache", "build", "engines", "C and C++", "Rust", "LLVM", "problems"}
    assert found["engines"][0]["used"] is True
    assert found["problems"] == []


def test_a_program_that_hangs_is_given_up(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tools / "clang").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr(doctor, "SECONDS", 0.2)
    assert doctor.version(tools / "clang") == ""
    assert doctor.version(tools / "clang-15") == "15.0.6"
    assert doctor.version(tools / "none") == ""


def test_room_is_that_of_the_closest_folder(tmp_path: Path) -> None:
    assert doctor.room(tmp_path / "a" / "b") > 0


PLUGIN = ENZYME + "[enzyme]\nprovider = 'pinned'\nartifact = 'plugin-15'\n"


@pytest.fixture
def llvm_15(tools: Path) -> Path:
    """The folder of an LLVM 15 that is whole."""
    folder = tools.parent / "llvm-15" / "bin"
    folder.parent.mkdir()
    for name, says in {"opt": "Debian LLVM version 15.0.6", "llvm-link": "", "llvm-config": str(folder)}.items():
        program(folder, name, says)
    (tools / "opt-15").unlink()
    (tools / "opt-15").symlink_to(folder / "opt")
    return folder


def test_a_plugin_is_used_with_its_llvm(call: Call, llvm_15: Path) -> None:
    assert llvm_15.is_dir()
    status, out, _ = call(PLUGIN + UNIT.format(source="a.c"))
    assert status == 0
    used = [row[1] for heading in ("engines", "C and C++", "LLVM") for row in rows(out, heading) if row[0] == "->"]
    assert used == ["plugin-15", "clang-15", "opt-15"]
    assert "(enzyme.provider is `pinned`)" in out
    assert "(the engine runs in LLVM 15.0.6)" in out


def test_without_its_llvm_a_plugin_is_told_to_need_it(call: Call) -> None:
    status, out, err = call(PLUGIN)
    assert status == 1
    assert "error[E0406]" in err
    assert "there is no LLVM 15 to run it in" in " ".join(next(row for row in rows(out, "engines") if row[0] == "plugin-15"))


def test_auto_shows_why_each_engine_is_passed_over(call: Call, llvm_15: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert llvm_15.is_dir()
    monkeypatch.setattr(glibc, "has", lambda oldest: oldest == "2.32")
    out = call(ENZYME + UNIT.format(source="a.c"))[1]
    [driver, plugin] = rows(out, "engines")
    assert driver[0] == "driver-22"
    assert "it needs glibc 2.28 or newer" in " ".join(driver)
    assert plugin[:2] == ["->", "plugin-15"]


def test_a_plugin_without_an_old_clang_cannot_build_c(call: Call, llvm_15: Path, tools: Path) -> None:
    assert llvm_15.is_dir()
    for each in tools.glob("clang*"):
        each.unlink()
    status, out, err = call(PLUGIN + UNIT.format(source="a.c"))
    assert status == 1
    assert "error[E0407]" in err
    assert "(it writes LLVM 22, the engine reads LLVM 15 and older)" in out


@pytest.mark.parametrize(
    ("keys", "code", "line"),
    [
        ("provider = 'path'\npath = 'none.so'\n", "E0408", 7),
        ("provider = 'source'\nsource = '.'\n", "E0262", 7),
        (f"provider = 'url'\nurl = 'none.so'\nsha256 = '{'0' * 64}'\n", "E0312", 7),
        ("provider = 'pinned'\nartifact = 'plugin-15'\n", "E0406", 7),
    ],
)
def test_an_engine_that_cannot_be_used_is_shown_where_it_is_named(call: Call, keys: str, code: str, line: int) -> None:
    status, out, err = call(ENZYME + "[enzyme]\n" + keys)
    assert status == 1
    assert f"error[{code}]" in err
    assert f"config.toml:{line}:" in err
    assert not [row for row in rows(out, "engines") if row[0] == "->"]
