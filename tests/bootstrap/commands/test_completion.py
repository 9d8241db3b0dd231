"""`completion`: the scripts are there for five shells, and bash completes with one."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import holoenzyme
from bootstrap.commands import completion

Script = Callable[[str], str]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Script:
    monkeypatch.setitem(holoenzyme.COMMANDS, "completion", ("bootstrap.commands.completion", "print a script for a shell"))

    def _script(shell: str) -> str:
        assert holoenzyme.main(["completion", shell]) == 0
        return capsys.readouterr().out

    return _script


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_shell_has_a_script_with_commands_and_options(script: Script, shell: str) -> None:
    words = script(shell)
    assert "explain" in words
    assert "--profile" in words or "profile" in words


def test_the_script_is_for_the_name_that_was_called(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["./x.py"])
    assert script("bash").rstrip().endswith(" x.py")


def test_an_unknown_shell_is_refused(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    assert script("bash")
    assert holoenzyme.main(["completion", "korn"]) == 2
    assert "error[E0200]" in capsys.readouterr().err


@pytest.mark.needs("bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("config g", {"get"}),
        ("config get ll", {"llvm.enzyme", "llvm.link-shared"}),
        ("--profile d", {"dev", "dist"}),
        ("explain E021", {f"E021{digit}" for digit in range(10)}),
        ("completion f", {"fish"}),
    ],
)
def test_bash_completes(script: Script, tmp_path: Path, line: str, expected: set[str]) -> None:
    (tmp_path / "completion.bash").write_text(script("bash"))
    program = (
        f'source completion.bash; COMP_WORDS=(holoenzyme {line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); '
        'COMPREPLY=(); _shtab_holoenzyme; echo "${COMPREPLY[@]}"'
    )  # fmt: skip
    done = subprocess.run(["bash", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == expected
