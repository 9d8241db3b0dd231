"""The first look at the command line, by the console script and x.py: a stand-in for a compiler takes a short way.

Everything after `cc` or `c++` belongs to the compiler; options of ours stand before it.
"""

import sys

STAND_INS = ("cc", "c++")

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
    from plugin.wrap import cc  # noqa: PLC0415 - every other command comes through this module too

    return cc.main(options, name, words)


def main() -> int:
    """The console script's entry point; gives the exit status."""
    found = split(sys.argv[1:])
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
