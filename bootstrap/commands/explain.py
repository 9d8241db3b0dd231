"""`explain CODE`: the page of a diagnostic's code, of a rule of the audit or of a lint."""

from __future__ import annotations

import argparse
import difflib
import re
import sys

from bootstrap.diagnostics import fail, page, title


def codes() -> list[str]:
    """All codes that have a page, in order."""
    return sorted(each.stem for each in page("").parent.glob("E*.md"))


def arguments(parser: argparse.ArgumentParser) -> None:
    """`explain CODE`; without one, the list."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="such as E0203, C27 or unexpected_cfgs; without one, the list of all")


def run(options: argparse.Namespace) -> int:
    """Print the page, or the list. Raises `Failure` with E0200 for a code without one."""
    if options.code is None:
        sys.stdout.writelines(f"{code}  {title(code)}\n" for code in codes())
        return 0
    code = _code(options.code.strip())
    if code not in codes():
        raise _unknown(code)
    sys.stdout.write(page(code).read_text(encoding="utf-8"))
    return 0


def _code(word: str) -> str:
    """The code that is meant: by its number, by the name of a rule of the audit, or of a lint."""
    if short := re.fullmatch(r"[Ee]?(\d{1,4})", word):
        return f"E{short[1]:>04}"
    from bootstrap.cfg import levels  # noqa: PLC0415 - only for another name than a code

    if levels.RULE.fullmatch(word.upper()):
        return levels.code_of(word.upper())
    return levels.LINTS.get(word.lower().replace("-", "_"), word.upper())


def _unknown(code: str) -> Exception:
    close = [f"`{each}` ({title(each)})" for each in difflib.get_close_matches(code[:20], codes(), n=3)]
    remedy = f"did you mean {', '.join(close)}?" if close else "run `explain` without a code for the list"
    return fail("E0200", f"there is no page for `{code[:20]}`", help=[remedy])
