"""Builds that are killed, interrupted or run twice at once: the next one succeeds, and nothing of the last one is left.

A *sleeper* is a child of a build that tells that it runs and then never ends; its end of a pipe tells when it is gone.
"""

import contextlib
import ctypes
import os
import random
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bad_input.project import SQUARE, VERIFY, Project, item, target

SECONDS = 20.0
"""How long a process may take to end that was told to."""

SLEEPING_COMPILER = """#!/bin/sh
case "$*" in *--version*) echo clang version 15.0.0; exit;; esac
exec 3>{alive}; echo runs >&3; sleep 600
"""
SLEEPING_PRIMAL = """
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void tell(void) {{ write(open("{alive}", O_WRONLY), "runs\\n", 5); }}
double f(double x) {{ volatile int asleep = 1; while (asleep) {{ }} return x * x; }}
"""


class Alive:
    """Our end of a sleeper's pipe."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def _read(self) -> bytes:
        ready, _, _ = select.select([self._descriptor], [], [], SECONDS)
        return os.read(self._descriptor, 100) if ready else b"nothing, in time"

    def wait(self) -> None:
        """Wait until the sleeper runs."""
        assert self._read() == b"runs\n"

    def has_ended(self) -> bool:
        """Wait until no process has the sleeper's end any more; whether that came to be in time."""
        return self._read() == b""

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture
def alive(tmp_path: Path) -> Iterator[Alive]:
    """The pipe `alive`, that a sleeper of this test is to write to."""
    with contextlib.closing(Alive(tmp_path / "alive")) as made:
        yield made


def sleep_in_the_front_end(project: Project) -> None:
    compiler = project.write("clang", SLEEPING_COMPILER.format(alive=project.root.parent / "alive"))
    compiler.chmod(0o755)
    project.configure(item(), VERIFY, target(cc=str(compiler)), kind="shared")


def sleep_in_the_check(project: Project) -> None:
    project.write("u.c", SLEEPING_PRIMAL.format(alive=project.root.parent / "alive"))
    project.configure(item(), VERIFY, kind="shared")


def to_the_process(process: subprocess.Popen[str], number: signal.Signals) -> None:
    process.send_signal(number)


def to_the_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """As a terminal does when a person types Ctrl-C."""
    os.killpg(process.pid, number)


@pytest.mark.parametrize("fall_asleep", [sleep_in_the_front_end, sleep_in_the_check])
@pytest.mark.parametrize("send", [to_the_process, to_the_group])
def test_an_interrupt_ends_everything_at_once_and_quietly(
    project: Project, alive: Alive, fall_asleep: Callable[[Project], None], send: Callable[[subprocess.Popen[str], signal.Signals], None]
) -> None:
    fall_asleep(project)
    with project.running("build") as process:
        alive.wait()
        send(process, signal.SIGINT)
        said = process.communicate(timeout=SECONDS)
    assert (process.returncode, said) == (130, ("", ""))
    assert alive.has_ended()
    assert not [path for path in project.folder.iterdir() if path.name == "failed" or path.name.startswith(".work-")]


@pytest.mark.parametrize("fall_asleep", [sleep_in_the_front_end, sleep_in_the_check])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_child_outlives_a_build_that_is_killed(
    project: Project, alive: Alive, fall_asleep: Callable[[Project], None], number: signal.Signals
) -> None:
    fall_asleep(project)
    with project.running("build") as process:
        alive.wait()
        process.send_signal(number)
        assert process.wait(timeout=SECONDS) == -number
        assert alive.has_ended()
    project.write("u.c", SQUARE)
    project.configure(item(), VERIFY, kind="shared")
    project.succeeds("build")


def test_a_build_that_is_killed_at_any_moment_is_followed_by_one_that_succeeds(project: Project) -> None:
    moments = random.Random(2)  # noqa: S311 - moments, not secrets
    project.configure(item(), VERIFY, kind="shared")
    project.succeeds("build")
    longest = 0.0
    for number in range(10):
        project.write("u.c", f"{SQUARE}/* {number} */\n")
        with project.running("build") as process:
            time.sleep(moments.uniform(0.1, max(longest, 0.5)))
            process.kill()
        assert hasattr(ctypes.CDLL(str(project.library)), "f_grad"), "the library is whole at any time"
        started = time.monotonic()
        assert "f_grad" in project.succeeds("build")
        longest = time.monotonic() - started
    assert {path.name for path in project.folder.iterdir()} == {".lock", "u.h", "u.json", "u.pc", "libu.so"}


def test_two_builds_of_one_unit_at_once(project: Project) -> None:
    project.configure(item(), VERIFY, kind="shared")
    with project.running("build") as one, project.running("build") as other:
        said = [each.communicate(timeout=120) for each in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], said
    assert sum("frontend" in results for results, _ in said) == 1
    assert sum("u is up to date" in results for results, _ in said) == 1
    assert {path.name for path in project.folder.iterdir()} == {".lock", "u.h", "u.json", "u.pc", "libu.so"}
