"""`explain CODE`: the page of a diagnostic's code."""

from __future__ import annotations

import argparse
import difflib
import re
import sys

from bootstrap.diagnostics import fail, page, title


def codes() -> list[str]:
    """All codes that have a page, in order."""
    return sorted(each.stem for each in page("").parent.glob("[EC]*.md"))


def arguments(parser: argparse.ArgumentParser) -> None:
    """`explain CODE`; without one, the list."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="such as E0203; without one, the list of all")


def run(options: argparse.Namespace) -> int:
    """Print the page, or the list. Raises `Failure` with E0200 for a code without one."""
    if options.code is None:
        sys.stdout.writelines(f"{code}  {title(code)}\n" for code in codes())
        return 0
    code = options.code.strip().upper()
    if short := re.fullmatch(r"([EC]?)(\d{1,4})", code):
        code = f"{short[1] or 'E'}{short[2]:>04}"
    if code not in codes():
        raise _unknown(code)
    sys.stdout.write(page(code).read_text(encoding="utf-8"))
    return 0


def _unknown(code: str) -> Exception:
    close = [f"`{each}` ({title(each)})" for each in difflib.get_close_matches(code[:20], codes(), n=3)]
    remedy = f"did you mean {', '.join(close)}?" if close else "run `explain` without a code for the list"
    return fail("E0200", f"there is no page for `{code[:20]}`", help=[remedy])
