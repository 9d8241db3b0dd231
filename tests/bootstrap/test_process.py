"""Children: what they are given, what they leave, how they end."""

import os
import sys
import time
from pathlib import Path

import pytest

from bootstrap.console import console
from bootstrap.process import TimedOut, run


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def test_a_child_leaves_its_output_and_status() -> None:
    done = run(sh("echo out; echo err >&2; exit 3"))
    assert (done.status, done.stdout, done.stderr, done.signal_name) == (3, "out\n", "err\n", None)
    assert done.command == ("/bin/sh", "-c", "echo out; echo err >&2; exit 3")


@pytest.mark.parametrize(("name", "number"), [("ABRT", 6), ("KILL", 9), ("SEGV", 11)])
def test_the_signal_that_ended_a_child_is_known(name: str, number: int) -> None:
    done = run(sh(f"kill -{name} $$"))
    assert (done.status, done.signal_name) == (-number, f"SIG{name}")


def test_words_are_never_read_by_a_shell(tmp_path: Path) -> None:
    words = ["a b", "$HOME", "*", "'", ";", "\\"]
    done = run([sys.executable, "-c", "import sys; print(sys.argv[1:])", *words, tmp_path / "x"])
    assert done.stdout == f"{[*words, str(tmp_path / 'x')]}\n"


def test_output_that_is_not_utf_8_is_replaced() -> None:
    assert run(sh(r"printf 'caf\351 \303\251'")).stdout == "caf\ufffd \u00e9"


def test_a_child_has_no_input_unless_it_is_given_some() -> None:
    assert run(["/bin/cat"]).stdout == ""
    assert run(["/bin/cat"], stdin="words\n").stdout == "words\n"


def test_the_environment_is_added_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONE", "1")
    done = run(sh("echo $ONE $TWO; pwd"), env={"TWO": "2"}, cwd=tmp_path)
    assert done.stdout == f"1 2\n{tmp_path}\n"
    assert "TWO" not in os.environ


def test_a_program_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run([tmp_path / "none"])


def test_a_child_that_takes_too_long_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(TimedOut, match=r"sleep did not end within 0\.2 s"):
        run(["/bin/sleep", "60"], seconds=0.2)
    assert time.monotonic() - begun < 10


def test_a_command_is_shown_as_one_could_paste_it(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(["/bin/echo", "two words"])
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(console, "verbosity", 1)
    run(["/bin/echo", "two words"])
    assert capfd.readouterr().err == "+ /bin/echo 'two words'\n"
