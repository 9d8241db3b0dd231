"""The child process in which LLVM and derivatives run, so that an abort there ends a worker and not the command.

A *job* is a frozen value with a method `run(begin)`; it goes to the worker pickled on standard input. Events come back on a pipe of their
own, because what a worker loads may print: the stages as they begin, the child commands, at last the result or the failure. A worker
that ends without its last event crashed. A worker and what it starts are a process group, which ends with the command, however that
ends: all workers read from one pipe, the *lifeline*, whose other end only the command has.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Generic, NoReturn, Protocol, TypeVar, cast

from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.process import TimedOut

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

_START = "import sys; sys.path.insert(0, sys.argv[1]); from plugin.worker import main; main(int(sys.argv[2]), int(sys.argv[3]))"
_WORDS = 2000
"""How many characters of a crashed worker's standard error are shown."""
_lifeline, _command_end = os.pipe()
_ending = threading.Event()


class Begin(Protocol):
    """Called with the name of each stage of a job when it begins."""

    def __call__(self, stage: str, /) -> None:
        """Take note."""


class Job(Protocol[Result_co]):
    """Work for a worker; picklable, as its result must be."""

    def run(self, begin: Begin) -> Result_co:
        """Do it; a `Failure` or an `OSError` travels back to the caller."""


class Crashed(Exception):
    """The worker ended without a result: in which `stage`, how (`reason`), and the last `words` that it said."""

    def __init__(self, stage: str, reason: str, words: str) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage, self.reason, self.words = stage, reason, words


def end_all() -> None:
    """End every worker that runs, and every later one as it starts: the command was interrupted."""
    if not _ending.is_set():
        _ending.set()
        os.close(_command_end)


def run(job: Job[Result], *, seconds: float | None = None) -> Result:
    """Run `job` in a worker; gives what the job gave.

    Raises the job's `Failure` or `OSError`, `RuntimeError` with the traceback of anything else, `Crashed` when the worker was ended by
    a signal or ran longer than `seconds`, and `KeyboardInterrupt` when `end_all` ended it.
    """
    reader, writer = os.pipe()
    root = str(Path(__file__).parent.parent)
    with tempfile.TemporaryFile() as errors, os.fdopen(reader, "rb") as events:
        command = [sys.executable, "-P", "-c", _START, root, str(writer), str(_lifeline)]
        passed = [writer, _lifeline]
        console.command(command)  # the job itself comes on standard input
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=errors, stderr=errors, pass_fds=passed, process_group=0)
        os.close(writer)
        try:
            return _follow(child, job, events, errors, seconds)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # what macOS says of a group that has ended
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


class Forked(Generic[Result]):
    """A worker that is a copy of this process, for one that has few imports and no threads: it spares a start of Python.

    It begins at once; the caller has something else to do, and asks for the `result` later.
    """

    def __init__(self, job: Job[Result]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the result is there
        reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self._child = os.fork()
        if self._child == 0:
            self._be_the_worker(job, writer)
        os.close(writer)
        self._events = os.fdopen(reader, "rb")

    def _be_the_worker(self, job: Job[Result], descriptor: int) -> NoReturn:
        try:
            os.setpgid(0, 0)
            os.close(_command_end)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for each in (1, 2):
                os.dup2(self._errors.fileno(), each)
            _serve(job, descriptor, _lifeline)
        finally:
            os._exit(0)  # what this process would do at its end is for the other one

    def result(self) -> Result:
        """What the job gave; raises as `run` does."""
        status: list[int] = []
        try:
            with self._errors, self._events:
                stage, last = _last(self._events)
                if last:
                    return cast("Result", _ended(*last))
                status.append(os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1]))
                raise Crashed(stage, _reason(status[0]), _last_words(self._errors))
        finally:
            if not status:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._child, signal.SIGKILL)
                os.waitpid(self._child, 0)


def _follow(child: subprocess.Popen[bytes], job: Job[Result], events: IO[bytes], errors: IO[bytes], seconds: float | None) -> Result:
    late = threading.Event()

    def end() -> None:
        late.set()
        child.kill()

    limit = threading.Timer(seconds, end) if seconds else None
    if limit:
        limit.start()
    try:
        _send(job, child.stdin)
        stage, last = _last(events)
        if last:
            return cast("Result", _ended(*last))
    finally:
        if limit:
            limit.cancel()
    if _ending.is_set():
        raise KeyboardInterrupt
    status = child.wait()
    raise Crashed(stage, f"it ran longer than {seconds:g} s" if late.is_set() else _reason(status), _last_words(errors))


def _last(events: IO[bytes]) -> tuple[str, tuple[str, Any] | None]:
    """The last event of a worker, None when it ended without one, and the stage it was in; what it says on the way is said."""
    stage = "start"
    for kind, value in _events(events):
        if kind == "stage":
            stage = value
        elif kind == "command":
            console.command(value)
        elif kind == "status":
            console.status(value)
        else:
            return stage, (kind, value)
    return stage, None


def _ended(kind: str, value: Any) -> Any:
    """What a job gave; raises what it raised."""
    if kind == "failure":
        raise Failure(*value)
    if kind == "refused":
        raise value
    if kind == "fault":
        raise RuntimeError(value)
    return value


def _send(job: Job[Result], stream: IO[bytes] | None) -> None:
    with contextlib.suppress(BrokenPipeError), cast("IO[bytes]", stream) as pipe:
        pickle.dump(job, pipe)


def _events(stream: IO[bytes]) -> Iterator[tuple[str, Any]]:
    while True:
        try:
            yield pickle.load(stream)  # noqa: S301 - our own child writes it
        except (EOFError, pickle.UnpicklingError):
            return


def _reason(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(0)
    return errors.read().decode("utf-8", "replace").strip()[-_WORDS:]


# The child's side


def main(descriptor: int, lifeline: int) -> None:
    """The worker: reads a job, sends its events to the file `descriptor`; ends when nobody has the other end of `lifeline`."""
    _serve(pickle.load(sys.stdin.buffer), descriptor, lifeline)  # noqa: S301 - the command that started this process wrote it


def _serve(job: Job[Any], descriptor: int, lifeline: int) -> None:
    threading.Thread(target=_end_with, args=[lifeline], daemon=True).start()
    # Enzyme and derivatives may crash in the user's own folder.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sending = threading.Lock()

    def send(kind: str, value: object) -> None:
        with sending:
            pickle.dump((kind, value), stream)
            stream.flush()

    with os.fdopen(descriptor, "wb") as stream:
        console.relay = send
        with contextlib.suppress(BrokenPipeError):
            send(*_outcome(job, lambda stage: send("stage", stage)))


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def _outcome(job: Job[object], begin: Begin) -> tuple[str, object]:
    """The last event of a job."""
    try:
        return "result", job.run(begin)
    except Failure as failure:
        return "failure", failure.diagnostics
    except BrokenPipeError:
        raise
    except OSError as error:
        return "refused", error
    except TimedOut as late:
        return "failure", (Diagnostic(code="E0521", message=f"{late}, and was ended", help=("`-v` shows the command; try it by itself",)),)
    except Exception:  # noqa: BLE001 - whatever it is, the command reports it as our own fault
        return "fault", traceback.format_exc()
