"""`setup`: a first configuration, with and without a terminal, and a second run."""

import io
import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import holoenzyme
from bootstrap.config import load
from change_tracker import history

ROOT = Path(__file__).parents[3]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    for name in os.environ:
        if name.startswith("HOLOENZYME_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(holoenzyme.COMMANDS, "setup", ("bootstrap.commands.setup", "write a configuration"))
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def _call(*words: str) -> tuple[int, str, str]:
        status = holoenzyme.main(["setup", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return _call


def values(path: str = "config.toml") -> dict[str, object]:
    return tomllib.loads(Path(path).read_text())


def test_without_a_terminal_the_defaults_are_the_answers(call: Call) -> None:
    status, out, err = call()
    assert (status, err) == (0, "")
    assert out.startswith("wrote config.toml\nNext: ")
    latest = history.read().latest
    assert values() == {"change-id": latest, "profile": "user", "rust": {"channel": "nightly"}, "llvm": {"enzyme": True}}
    assert Path("config.toml").read_text().startswith(f"change-id = {latest}\n")
    assert load(None, environment={}).config.llvm.enzyme


def test_all_answers_can_be_given(call: Call) -> None:
    assert call("dist", "--no-autodiff", "--set", "build.jobs=4", "--set", "unit.a.sources=a.c,b.c", "--config", "new.toml")[0] == 0
    expected = {"profile": "dist", "build": {"jobs": 4}, "unit": {"a": {"sources": ["a.c", "b.c"]}}}
    assert {key: value for key, value in values("new.toml").items() if key != "change-id"} == expected
    assert not Path("config.toml").exists()


def test_the_profile_dev_has_its_own_channel(call: Call) -> None:
    assert call("dev")[0] == 0
    assert values()["rust"] == {"channel": "dev"}


def test_a_trial_writes_nothing(call: Call) -> None:
    status, out, _ = call("--dry-run")
    assert status == 0
    assert 'profile = "user"' in out
    assert not Path("config.toml").exists()


@pytest.mark.parametrize("words", [["--set", "build.jobs=x"], ["--set", "nope=1"], ["--set", "x"], ["nobody"]])
def test_wrong_answers_write_nothing(call: Call, words: list[str]) -> None:
    status, _, err = call(*words)
    assert status == 2
    assert "error[E02" in err
    assert not Path("config.toml").exists()


def test_a_file_that_is_there_is_kept(call: Call) -> None:
    Path("config.toml").write_text("# mine\n[build]\njobs = 2\n")
    status, _, err = call("dist")
    assert (status, "error[E0218]" in err, "--replace" in err) == (2, True, True)
    assert Path("config.toml").read_text() == "# mine\n[build]\njobs = 2\n"
    assert call("dist", "--replace")[0] == 0
    assert values()["profile"] == "dist"
    assert Path("config.toml.bak").read_text() == "# mine\n[build]\njobs = 2\n"


def test_a_read_only_file_is_respected(call: Call) -> None:
    Path("config.toml").write_text("# mine\n")
    Path("config.toml").chmod(0o444)
    status, _, err = call("--replace")
    assert (status, "error[E0215]" in err) == (2, True)
    assert Path("config.toml").read_text() == "# mine\n"


def test_a_second_run_tells_the_news(call: Call) -> None:
    Path("config.toml").write_text("[build]\njobs = 2\n")
    status, out, _ = call()
    assert status == 0
    assert out.startswith("config.toml is there already.\n")
    assert f"change-id = {history.read().latest}" in out
    assert Path("config.toml").read_text() == "[build]\njobs = 2\n"


def on_a_terminal(folder: Path, answers: str, *words: str) -> tuple[int, str]:
    """Run `setup` with a terminal for input and output; gives the status and what was shown."""
    ours, theirs = pty.openpty()
    program = (
        "import sys, holoenzyme; holoenzyme.COMMANDS['setup'] = ('bootstrap.commands.setup', 'write'); "
        "sys.exit(holoenzyme.main(['setup', *sys.argv[1:]]))"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HOLOENZYME_")} | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment
    ) as child:
        os.close(theirs)
        os.write(ours, answers.encode())
        said = b""
        try:
            while piece := os.read(ours, 4096):
                said += piece
        except OSError:  # Linux says so when the other side is closed
            pass
        status = child.wait(timeout=30)
    os.close(ours)
    return status, said.decode().replace("\r\n", "\n")


def test_on_a_terminal_it_asks_until_the_answer_is_one(tmp_path: Path) -> None:
    status, said = on_a_terminal(tmp_path, "nobody\n3\nmaybe\nn\n")
    assert status == 0
    assert "For whom is this configuration?" in said
    assert "Please say one of user, dev, dist, or its number." in said
    assert "Please say y or n." in said
    written = values(str(tmp_path / "config.toml"))
    assert (written["profile"], "rust" in written) == ("dist", False)


def test_on_a_terminal_what_is_given_is_not_asked(tmp_path: Path) -> None:
    status, said = on_a_terminal(tmp_path, "\n", "dev")
    assert status == 0
    assert "For whom" not in said
    assert values(str(tmp_path / "config.toml"))["llvm"] == {"enzyme": True}


def test_answers_that_end_early_write_nothing(tmp_path: Path) -> None:
    status, said = on_a_terminal(tmp_path, "1\n\x04")
    assert status == 2
    assert "nothing was written" in said
    assert not (tmp_path / "config.toml").exists()


def test_on_a_terminal_a_second_run_offers_to_note_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("# mine\n[build]\njobs = 2\n")
    status, said = on_a_terminal(tmp_path, "y\n")
    latest = history.read().latest
    assert status == 0
    assert f"wrote change-id = {latest}" in said
    assert (tmp_path / "config.toml").read_text() == f"change-id = {latest}\n# mine\n[build]\njobs = 2\n"
