"""A small project of one unit in a folder of its own, and the command line as a person starts it there."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bootstrap.llvm import host_triple
from bootstrap.process import Completed, run

FRONT_DOOR = Path(__file__).parents[2] / "holoenzyme.py"
COMMAND = (sys.executable, str(FRONT_DOOR))
SQUARE = "double f(double x) { return x * x; }\n"
IDENTITY = "define double @f(double %x) {\n  ret double %x\n}\n"
VERIFY = '[[unit.u.verify]]\ntarget = "f_grad"\nargs = [2.0]\n'


def item(**changes: str) -> str:
    """An item for `double f(double)`; `changes` are values as they stand in TOML, by key."""
    values = {"source": '"f"', "target": '"f_grad"', "mode": '"reverse"', "inputs": '["Active"]', "ret": '"Active"'}
    return "[[unit.u.autodiff]]\n" + "".join(f"{key} = {value}\n" for key, value in {**values, **changes}.items())


def target(**values: str) -> str:
    """The table of this machine; `values` are texts, by key."""
    return f"[target.{host_triple()}]\n" + "".join(f'{key} = "{value}"\n' for key, value in values.items())


def lacking(said: str, words: Iterable[str]) -> list[str]:
    """The words that are not in what was said."""
    return [word for word in words if word not in said]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project at `root`. `environment` is what the command line is started with."""

    root: Path
    environment: dict[str, str]

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of the project."""
        path = self.root / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def configure(self, *tables: str, sources: str = '["u.c"]', kind: str = "object", enzyme: str = "true") -> None:
        """Write the configuration: the unit `u` and what else there is, such as its items."""
        head = f'[llvm]\nenzyme = {enzyme}\n[rust]\nchannel = "nightly"\n'
        unit = f'[unit.u]\nsources = {sources}\nkind = "{kind}"\n'
        self.write("config.toml", "\n".join([head, unit, *tables]))

    @property
    def folder(self) -> Path:
        """Where the unit is built."""
        return self.root / "build" / host_triple() / "u"

    @property
    def library(self) -> Path:
        """The unit as a shared library."""
        return self.folder / "libu.so"

    def start(self, *words: str, before: Sequence[str] = (), **environment: str) -> Completed:
        """Run the command line, behind the command `before`. Whatever comes of it, there is no traceback and nothing is left behind."""
        there = {path.name for path in self.root.iterdir()}
        done = run([*before, *COMMAND, *words], cwd=self.root, env={**self.environment, **environment}, seconds=120)
        assert "Traceback" not in done.stdout + done.stderr
        assert {path.name for path in self.root.iterdir()} <= {*there, "build"}
        assert not list(self.folder.glob(".work-*"))
        return done

    def succeeds(self, *words: str, **environment: str) -> str:
        """Run a command that goes well; gives what it printed."""
        done = self.start(*words, **environment)
        assert done.status == 0, done.stderr
        return done.stdout

    def fails(self, code: str, *words: str, status: int | None = None, **environment: str) -> str:
        """Run a command (`build`) that ends with an error of this code, and the exit status of the code's class; gives what it said."""
        done = self.start(*(words or ["build"]), **environment)
        assert f"error[{code}]: " in done.stderr, done.stderr
        assert done.status == (int(code[2]) if status is None else status)
        return done.stderr

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """The command line while it runs, in a process group of its own; what is left of it is ended."""
        command, environment = [*COMMAND, *words], {**os.environ, **self.environment}
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=self.root, env=environment, stdout=pipe, stderr=pipe, text=True, process_group=0)
        with process:
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
