"""`cfg`: the active cfgs as `rustc --print cfg` has them; `cfg --check EXPR`: whether an expression holds."""

from __future__ import annotations

import argparse
import json

from bootstrap.cfg import configured, expression, levels
from bootstrap.cfg.tokens import Text
from bootstrap.commands.reporting import report
from bootstrap.config import Resolved, load_for
from plugin.engines import fallback


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--check`, `--target` and `--without-engine`."""
    parser.add_argument("--check", metavar="EXPR", help="whether a cfg expression holds: prints true or false")
    parser.add_argument("--target", metavar="TRIPLE", help="for another target than this machine")
    parser.add_argument("--without-engine", action="store_true", help="as if no engine could be used")


def run(options: argparse.Namespace) -> int:
    """Print the cfgs, or the value of an expression; the exit status is 0 for true and for false.

    Raises `Failure`: E0250 for an expression that cannot be read, E0251 to E0253, E0208 and E0258 for what is wrong with the cfgs.
    """
    resolved = load_for(options)
    given = levels.given(options)
    report(configured.check(resolved, cfgs=options.cfgs, given=given))
    tree = None if options.check is None else expression.parse(options.check, origin="--check")
    if tree is not None:
        text = Text(text=options.check, origin="--check")
        report(levels.apply(configured.unexpected(tree, configured.expected(resolved, cfgs=options.cfgs), text), given))
    active = _active(resolved, options)
    if tree is not None:
        holds = expression.holds(tree, active)
        print(json.dumps({"expression": str(tree), "holds": holds}) if options.json else str(holds).lower())
        return 0
    lines = sorted(map(expression.shown, active))
    print(
        json.dumps([{"name": name, "value": value} for name, value in sorted(active, key=expression.shown)], indent=1)
        if options.json
        else "\n".join(lines)
    )
    return 0


def _active(resolved: Resolved, options: argparse.Namespace) -> frozenset[expression.Cfg]:
    usable = not options.without_engine and fallback.missing_engine(resolved) is None
    return configured.active(resolved, engine_usable=usable, cfgs=options.cfgs, triple=options.target)
