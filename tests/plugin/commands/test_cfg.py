"""`cfg`: the active cfgs, and the value of an expression."""

import json
from pathlib import Path

import pytest

from bootstrap.diagnostics import Failure
from plugin.commands import cfg
from tests.bootstrap.commands.running import run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a configuration, in which the command is run."""
    (tmp_path / "config.toml").write_text(
        'change-id = "ignore"\n[llvm]\nenzyme = true\n[rust]\nchannel = "nightly"\n[cfg]\nset = ["fast"]\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOLOENZYME_RUST_SRC", raising=False)
    return tmp_path


def test_the_list_is_that_of_print_cfg(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cfg, "--target", "x86_64-unknown-linux-gnu") == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines == sorted(lines)
    assert {"fast", "llvm_enzyme", 'llvm_version_major="22"', 'target_os="linux"', "unix"} <= set(lines)
    assert printed.err == ""


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cfg, "--target", "x86_64-pc-windows-msvc", "--without-engine", "--json") == 0
    found = [(each["name"], each["value"]) for each in json.loads(capsys.readouterr().out)]
    assert {("windows", None), ("autodiff_fallback", None), ("target_env", "msvc")} <= set(found)
    assert ("llvm_enzyme", None) not in found


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("all(fast, llvm_enzyme)", "true"),
        ("cfg(not(fast))", "false"),
        ('llvm_version_major = "22"', "true"),
        ("autodiff_fallback", "false"),
    ],
)
def test_the_value_of_an_expression(capsys: pytest.CaptureFixture[str], expression: str, value: str) -> None:
    assert run(cfg, "--check", expression) == 0
    assert capsys.readouterr().out == f"{value}\n"
    assert run(cfg, "--check", expression, "--json") == 0
    assert json.loads(capsys.readouterr().out)["holds"] is (value == "true")


def test_an_unexpected_name_warns_and_can_be_denied(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cfg, "--check", "unixx") == 0
    printed = capsys.readouterr()
    assert printed.out == "false\n"
    assert "did you mean `unix`?" in printed.err
    assert run(cfg, "--check", "unixx", "-A", "unexpected_cfgs") == 0
    assert capsys.readouterr().err == ""
    assert run(cfg, "--check", "unixx", "--cfg", "unixx") == 0
    assert capsys.readouterr().out == "true\n"
    with pytest.raises(Failure) as failure:
        run(cfg, "--check", "unixx", "-D", "unexpected_cfgs")
    assert failure.value.diagnostics[0].code == "E0259"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--check", "all("], "E0250"),
        (["--cfg", "a b"], "E0252"),
        (["--cfg", "unix"], "E0258"),
        (["--target", "z80-unknown-none"], "E0253"),
        (["-D", "nothing"], "E0257"),
    ],
)
def test_what_is_wrong_ends_the_command(words: list[str], code: str) -> None:
    with pytest.raises(Failure) as failure:
        run(cfg, *words)
    assert failure.value.diagnostics[-1].code == code
