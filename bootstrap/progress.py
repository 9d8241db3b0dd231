"""How far a long piece of work is: one bar on a terminal, one line anywhere else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from bootstrap.console import console

if TYPE_CHECKING:
    import rich.progress


class Progress(Protocol):
    """Told of a piece of work by the one who does it. Sizes are in bytes."""

    def begin(self, phase: str, total: int) -> None:
        """A phase begins, such as `downloading`, that ends at `total`."""

    def reach(self, done: int) -> None:
        """So much of the phase is done; may be called by any thread."""


class Silent:
    """Progress that nobody watches."""

    def begin(self, phase: str, total: int) -> None:
        """Nothing is shown."""

    def reach(self, done: int) -> None:
        """Nothing is shown."""


class Bar:
    """Progress as a bar; each phase begins it anew."""

    def __init__(self, bars: rich.progress.Progress, what: str) -> None:
        self._bars = bars
        self._what = what
        self._task = bars.add_task(what, total=None)

    def begin(self, phase: str, total: int) -> None:
        """The bar is empty and says what begins."""
        self._bars.reset(self._task, total=total, description=f"{phase} {self._what}")

    def reach(self, done: int) -> None:
        """The bar grows to `done`."""
        self._bars.update(self._task, completed=done)


@contextlib.contextmanager
def progress(what: str, line: str) -> Iterator[Progress]:
    """While the block runs, show how far `what` is: a bar that vanishes at the end, or `line` once where nobody watches."""
    if not console.interactive:
        console.status(line)
        yield Silent()
        return
    import rich.console  # noqa: PLC0415 - takes 60 ms to import, and only a terminal needs it
    import rich.progress as bars  # noqa: PLC0415

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(binary_units=True),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=rich.console.Console(stderr=True), transient=True) as shown:
        yield Bar(shown, what)


def readable(size: int) -> str:
    """A size in bytes as people read it, such as `306 MiB`."""
    amount, units = float(size), iter(("B", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while amount >= 1000 and (larger := next(units, None)):  # noqa: PLR2004 - four digits and more are hard to read
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"  # noqa: PLR2004 - two digits say enough
