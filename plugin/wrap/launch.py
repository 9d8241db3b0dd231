"""`cc --launch COMPILER ...`: as a launcher before the compiler that a build has chosen, which CMake, setuptools and others know.

`--launch=N` says that N words stand before the compiler, those of another launcher (`--launch=1 ccache gcc`).
"""

from __future__ import annotations

import os

from plugin.wrap import cc, child
from plugin.wrap.door import split
from plugin.wrap.settings import LAUNCHED, find

SET = "--holoenzyme-set="
"""Begins a word among the compiler's that is an option of ours: by it a build says `--set` for one target at the link step."""


def main(options: list[str], name: str, launch: str, words: list[str]) -> int:
    """Do what the compiler that `words` begin with would do, and derivatives; gives the exit status. `launch` is the word before them.

    Raises `Failure` (E0425).
    """
    before = launch.partition("=")[2] or "0"
    if not before.isdecimal() or len(words) <= int(before) or words[int(before)].startswith("-"):
        raise _no_compiler(name, launch)
    options = [*options, *(f"--set={word.removeprefix(SET)}" for word in words if word.startswith(SET))]
    words = [word for word in words if not word.startswith(SET)]
    compiler, arguments = words[: int(before) + 1], words[int(before) + 1 :]
    if os.path.basename(compiler[-1]) in {"holoenzyme-cc", "holoenzyme-c++"}:
        return cc.main(options, name, arguments)
    if os.path.basename(compiler[-1]) in {"holoenzyme", "x.py"} and (own := split(arguments)):
        return cc.main([*own[0], *options], name, own[2])
    options.append(LAUNCHED + compiler[-1])
    settings = find(options)
    settings.plain = {**settings.plain, name: compiler}
    with cc.Scratch() as scratch:
        return child.end_as(cc.StandIn(options, name, settings, scratch).run(arguments))


def _no_compiler(name: str, launch: str) -> Exception:
    from bootstrap.diagnostics import fail  # noqa: PLC0415 - only for a mistake

    message = f"`{name} {launch}` is followed by no compiler"
    return fail("E0425", message, help=[f"write it before its options: `holoenzyme {name} --launch gcc -c f.c`"])
