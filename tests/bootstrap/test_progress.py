"""What is shown while something takes long."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.progress import progress, readable

ROOT = Path(__file__).parent.parent.parent
SHOW = """
from bootstrap.progress import progress
with progress("driver-22", "fetching driver-22") as shown:
    shown.begin("downloading", 2_000_000)
    shown.reach(1_000_000)
    shown.begin("unpacking", 10)
    shown.reach(10)
"""


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (87_884_682, "84 MiB"),
        (320_349_928, "306 MiB"),
        (5 << 30, "5.0 GiB"),
        (3 << 50, "3072 TiB"),
    ],
)
def test_readable(size: int, text: str) -> None:
    assert readable(size) == text


def test_where_nobody_watches_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("driver-22", "fetching driver-22") as shown:
        shown.begin("downloading", 10)
        shown.reach(5)
    assert capsys.readouterr() == ("", "fetching driver-22\n")


def test_on_a_terminal_there_is_a_bar_that_vanishes() -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-c", SHOW], cwd=ROOT, env=environment, stderr=theirs, stdout=subprocess.PIPE, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout == b""
    assert "unpacking driver-22" in shown
    assert "fetching driver-22" not in shown
    assert shown.endswith("\x1b[2K")  # the last thing done is to clear the line
