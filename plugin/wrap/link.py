"""Objects of bitcode at the link step (`-flto`): linked into one module, differentiated, and given to the linker as one object."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plugin.wrap.arguments import Group, Invocation
from plugin.wrap.make import Making, Request
from plugin.wrap.tools import find

if TYPE_CHECKING:
    from plugin.wrap.cc import StandIn

LEVEL = 2
"""The optimisation level of a link step that names none, as clang has it."""


def link(stand_in: StandIn, command: Invocation, modules: list[Group]) -> int:
    """Link as the compiler would, with derivatives; gives the status. Raises `Failure` as the pipeline does, E0513 among it."""
    tools = find(stand_in.settings, stand_in.options)
    named = tuple(_named(stand_in, each) for each in modules)
    made = stand_in.scratch.file("linked.o")
    units = sorted({name for names in stand_in.settings.sources.values() for name in names})
    from plugin.wrap import resolve  # noqa: PLC0415

    plans = resolve.plans(stand_in.options, units)
    request = Request(modules=named, output=made, level=command.level() if command.flags("level") else LEVEL)
    if Making(stand_in.scratch, tools, request, plans).result() is None:
        return stand_in.start([*stand_in.plain, *command.words])
    words: list[str] = []
    for group in command.groups:
        if group is modules[0]:
            words.append(made)
        elif group not in modules:
            words += group.words
    return stand_in.start([*stand_in.plain, *words])


def _named(stand_in: StandIn, module: Group) -> Path:
    """The module under a name that tells what it is."""
    path = Path(stand_in.scratch.file(f"{Path(module.path).name}.bc"))
    path.symlink_to(Path(module.path).absolute())
    return path
