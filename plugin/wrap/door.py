"""The first look at the command line, by the console script and x.py: a stand-in for a compiler takes a short way.

Everything after `cc`, `c++` or `rustc` belongs to the compiler; options of ours stand before it. Where a build takes the name of one file
for a compiler and no words, this program goes by the names `holoenzyme-cc`, `holoenzyme-c++` and `holoenzyme-rustc`.
"""

import os
import sys

STAND_INS = ("cc", "c++", "rustc")

LAUNCH = "--launch"
"""After `cc` or `c++`: the compiler that stands behind follows, as it does after any launcher."""

VALUED = ("--config", "--set", "--profile", "--cfg", "--color", "--jobs", "-A", "-W", "-D", "-j")
"""Our global options that take the next word as their value."""


def split(words: list[str]) -> tuple[list[str], str, list[str]] | None:
    """Our options, the name of the stand-in and the words for it; None when another command is asked for."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 2 if words[index] in VALUED else 1
    if index < len(words) and words[index] in STAND_INS:
        return words[:index], words[index], words[index + 1 :]
    return None


def stand_in(options: list[str], name: str, words: list[str]) -> int:
    """Run a stand-in; gives the exit status. Raises `Failure` and `OSError`; `main` of holoenzyme.py turns them into text."""
    if name == "rustc":
        from plugin.wrap import rustc  # noqa: PLC0415 - one of several

        return rustc.main(options, words)
    if words and words[0].partition("=")[0] == LAUNCH:
        from plugin.wrap import launch  # noqa: PLC0415 - one of several

        return launch.main(options, name, words[0], words[1:])
    from plugin.wrap import cc  # noqa: PLC0415 - one of several

    return cc.main(options, name, words)


def main() -> int:
    """The console script's entry point; gives the exit status."""
    prefix, _, name = os.path.basename(sys.argv[0]).partition("-")
    found = ([], name, sys.argv[1:]) if prefix == "holoenzyme" and name in STAND_INS else split(sys.argv[1:])
    if found is None:
        import holoenzyme  # noqa: PLC0415 - every command but a stand-in

        return holoenzyme.main()
    try:
        return stand_in(*found)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - what this is, and how it is told, is known where all else of that is
        import holoenzyme  # noqa: PLC0415

        return holoenzyme.ended_by(error)
