"""Whatever a job does, the command gets a result, a failure, or the news of a crash."""

import dataclasses
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bootstrap import process
from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, Span
from plugin import worker
from plugin.worker import Begin

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Echo:
    value: object

    def run(self, begin: Begin) -> tuple[object, int]:
        begin("echo")
        return self.value, os.getpid()


@dataclasses.dataclass(frozen=True)
class Say:
    """Prints what is no event, in every way there is."""

    def run(self, begin: Begin) -> str:
        begin("say")
        print("from Python", flush=True)  # noqa: T201 - that is the point
        os.write(1, b"\x80\x04from the library\n" * 5000)
        os.write(2, b"on standard error\n")
        sys.stdin.read()
        return "said"


@dataclasses.dataclass(frozen=True)
class Refuse:
    def run(self, begin: Begin) -> None:
        begin("refuse")
        raise Failure(*DIAGNOSTICS)


@dataclasses.dataclass(frozen=True)
class Raise:
    error: Exception

    def run(self, begin: Begin) -> None:
        begin("raise")
        raise self.error


@dataclasses.dataclass(frozen=True)
class End:
    """Ends the worker in the middle of its second stage."""

    how: str

    def run(self, begin: Begin) -> None:
        begin("first")
        begin("second")
        os.write(2, b"last words")
        match self.how:
            case "abort":
                os.abort()
            case "exit":
                os._exit(3)
            case "sleep":
                time.sleep(60)
            case name:
                os.kill(os.getpid(), signal.Signals[name])


@dataclasses.dataclass(frozen=True)
class Run:
    """Starts a child command, and says what it does."""

    def run(self, begin: Begin) -> str:
        begin("run")
        console.status("half of it is done")
        return process.run(["echo", "two words"]).stdout


@dataclasses.dataclass(frozen=True)
class Wait:
    """Starts a child command that does not end in time."""

    def run(self, begin: Begin) -> None:
        begin("wait")
        process.run(["sleep", "60"], seconds=0.2)


@dataclasses.dataclass(frozen=True)
class LeaveBehind:
    """Starts a process that would outlive the worker; gives its id."""

    def run(self, begin: Begin) -> int:
        begin("leave")
        return subprocess.Popen(["sleep", "60"]).pid


DIAGNOSTICS = (
    Diagnostic(code="E0503", message="one", key="autodiff.0.source", help=("do it",)),
    Diagnostic(code="E0507", message="two", span=Span(path=Path("f.c"), line=1, column=2, end_column=3, source="f();")),
)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    state = process.run(["ps", "-o", "stat=", "-p", str(pid)]).stdout.strip()
    return state != "" and not state.startswith("Z")


def ends(pid: int) -> bool:
    """Whether a process ends within a few seconds."""
    until = time.monotonic() + 5
    while alive(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("value", [None, "text", (1, 2.5, Path("x")), b"\0" * 10**6, {"a": [1]}])
def test_a_job_goes_to_another_process_and_its_result_comes_back(value: object) -> None:
    result, pid = worker.run(Echo(value))
    assert result == value
    assert pid != os.getpid()


def test_what_a_job_prints_does_not_disturb(capfd: pytest.CaptureFixture[str]) -> None:
    assert worker.run(Say()) == "said"
    assert capfd.readouterr() == ("", "")


def test_a_failure_comes_back_whole() -> None:
    with pytest.raises(Failure) as failure:
        worker.run(Refuse())
    assert failure.value.diagnostics == DIAGNOSTICS


def test_a_fault_of_the_system_comes_back_as_it_is() -> None:
    with pytest.raises(OSError, match="No space left") as raised:
        worker.run(Raise(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/build/f.o")))
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, "/build/f.o")


def test_a_fault_of_our_own_comes_back_with_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="ValueError: no such thing") as raised:
        worker.run(Raise(ValueError("no such thing")))
    assert "in run" in str(raised.value)


def test_a_child_that_does_not_end_in_time_is_a_failure() -> None:
    with pytest.raises(Failure) as failure:
        worker.run(Wait())
    [diagnostic] = failure.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("E0521", "sleep did not end within 0.2 s, and was ended")


@pytest.mark.parametrize(
    ("how", "reason"), [("abort", "SIGABRT"), ("SIGSEGV", "SIGSEGV"), ("SIGKILL", "SIGKILL"), ("exit", "exit status 3")]
)
@pytest.mark.parametrize("seconds", [None, 60.0])
def test_a_crash_names_the_stage_the_reason_and_the_last_words(how: str, reason: str, seconds: float | None) -> None:
    with pytest.raises(worker.Crashed) as crash:
        worker.run(End(how), seconds=seconds)
    assert (crash.value.stage, crash.value.reason, crash.value.words) == ("second", reason, "last words")


def test_a_job_that_takes_too_long_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(worker.Crashed) as crash:
        worker.run(End("sleep"), seconds=1.0)
    assert (crash.value.stage, crash.value.reason) == ("second", "it ran longer than 1 s")
    assert time.monotonic() - begun < 10


def test_the_last_words_of_a_crash_are_not_too_many() -> None:
    with pytest.raises(worker.Crashed) as crash:
        worker.run(Raise(SystemExit("x" * 10000)))  # type: ignore[arg-type]
    assert len(crash.value.words) <= 2000


def test_the_commands_and_the_status_of_a_job_are_shown_as_those_of_the_command(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "verbosity", 1)
    assert worker.run(Run()) == "two words\n"
    itself, *rest = capfd.readouterr().err.splitlines()
    assert itself.startswith(f"+ {sys.executable} -P -c ")
    assert rest == ["half of it is done", "+ echo 'two words'"]


def test_nothing_that_a_job_started_outlives_it() -> None:
    assert ends(worker.run(LeaveBehind()))


SLEEPER = """
import dataclasses, os, sys, threading, time
from pathlib import Path
from plugin import worker

@dataclasses.dataclass(frozen=True)
class Sleep:
    note: str
    def run(self, begin):
        Path(self.note).write_text(str(os.getpid()))
        time.sleep(60)

if __name__ == "__main__":
    import sleeper
    note = Path(sys.argv[1])
    def interrupt():
        while not (note.exists() and note.read_text()):
            time.sleep(0.01)
        if sys.argv[2] == "end_all":
            worker.end_all()
        else:
            os.kill(os.getpid(), 9)
    threading.Thread(target=interrupt).start()
    try:
        worker.run(sleeper.Sleep(str(note)))
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.parametrize(("how", "status", "said"), [("end_all", 0, "interrupted\n"), ("kill", -9, "")])
def test_a_worker_ends_with_its_command(tmp_path: Path, how: str, status: int, said: str) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER, encoding="utf-8")
    note = tmp_path / "pid"
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    done = process.run([sys.executable, tmp_path / "sleeper.py", note, how], env={"PYTHONPATH": path}, seconds=30)
    assert (done.status, done.stdout) == (status, said), done.stderr
    assert ends(int(note.read_text(encoding="utf-8")))


# A worker that is a copy of this process


def test_a_copy_gives_what_the_job_gives() -> None:
    first, second = worker.Forked(Echo("a")), worker.Forked(Echo("b"))
    assert second.result()[0] == "b"
    value, pid = first.result()
    assert (value, pid != os.getpid()) == ("a", True)


def test_what_a_copy_refuses_is_raised() -> None:
    with pytest.raises(Failure) as caught:
        worker.Forked(Refuse()).result()
    assert caught.value.diagnostics == DIAGNOSTICS


@pytest.mark.parametrize(("how", "reason"), [("SIGKILL", "SIGKILL"), ("exit", "exit status 3")])
def test_the_end_of_a_copy_is_told(how: str, reason: str) -> None:
    with pytest.raises(worker.Crashed) as caught:
        worker.Forked(End(how)).result()
    assert (caught.value.stage, caught.value.reason, caught.value.words) == ("second", reason, "last words")


def test_what_a_copy_leaves_behind_ends_with_it() -> None:
    assert ends(worker.Forked(LeaveBehind()).result())


def test_a_copy_ends_with_its_process(tmp_path: Path) -> None:
    code = f"""
import os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from plugin import worker
class Sleep:
    def run(self, begin):
        open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
        time.sleep(60)
worker.Forked(Sleep())
while not os.path.exists({str(tmp_path / "pid")!r}) or not open({str(tmp_path / "pid")!r}).read():
    time.sleep(0.02)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert ends(int((tmp_path / "pid").read_text()))
