"""The cfgs of a configuration: what is set, what is expected, what is wrong with it, and what the compilers are told.

`active` is for conditions; `passed` is the part of it that no compiler knows by itself and that is handed on, for which no rustc is asked.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from bootstrap import gates, llvm
from bootstrap.cfg import expression, levels, specification, table
from bootstrap.cfg.expression import Cfg, Expression, shown
from bootstrap.cfg.levels import DISALLOWED, UNEXPECTED, Level
from bootstrap.cfg.specification import BARE, Expected, Values, expected_of
from bootstrap.cfg.tokens import Text, Token, named, quoted
from bootstrap.diagnostics import Diagnostic, Failure, Severity

if TYPE_CHECKING:
    from bootstrap.config import Resolved

MACRO = "HOLOENZYME_CFG_"
NEAR = 3
"""How many near matches a warning shows."""
MOST = 10
"""How many expected values a warning shows."""
_Read = TypeVar("_Read")


def active(resolved: Resolved, *, engine_usable: bool, cfgs: Sequence[str] = (), triple: str | None = None) -> frozenset[Cfg]:
    """Every cfg that is set for `triple` (this machine's without one): the target's, ours, those of `[cfg] set` and of `cfgs` (`--cfg`).

    Asks rustc for the target's where there is one. Raises `Failure`: E0252 for what cannot be set, E0253 for an unknown target.
    """
    return table.default(triple or llvm.host_triple(), rustc=rustc_of(resolved)) | passed(resolved, engine_usable=engine_usable, cfgs=cfgs)


def passed(resolved: Resolved, *, engine_usable: bool, cfgs: Sequence[str] = ()) -> frozenset[Cfg]:
    """The active cfgs that are ours or the user's. Raises `Failure` (E0252). Starts no program, unless the channel must be detected."""
    name = "llvm_enzyme" if engine_usable else "autodiff_fallback"
    wanted = resolved.config.llvm.enzyme and resolved.channel.allows_unstable()
    ours: list[Cfg] = [(name, None)] if wanted else []
    return frozenset({*ours, ("llvm_version_major", str(table.LLVM_MAJOR)), *_set(resolved, cfgs)})


def expected(resolved: Resolved, *, cfgs: Sequence[str] = ()) -> Expected:
    """What check-cfg expects: what is well known, `[cfg] check`, and of what is set those names of which `check` says nothing.

    Raises `Failure` (E0251, E0252).
    """
    return table.well_known() | users(resolved, cfgs=cfgs)


def users(resolved: Resolved, *, cfgs: Sequence[str] = ()) -> Expected:
    """The user's part of what is expected."""
    checked = expected_of(specification.parse(text.text, origin=text.origin, span=text.span) for text in _texts(resolved, "check"))
    return checked | _expecting(cfg for cfg in _set(resolved, cfgs) if cfg[0] not in checked.names)


def rustc_of(resolved: Resolved) -> str | None:
    """The rustc to ask about a target: of the configuration, of RUSTC, or of PATH."""
    named = next((each.rustc for each in resolved.config.target.values() if each.rustc), None)
    return shutil.which(named or resolved.environment.get("RUSTC") or "rustc")


def rustc_flags(cfgs: Collection[Cfg], expects: Expected) -> list[str]:
    """What rustc is told: `--cfg` for each of `cfgs`, and `--check-cfg` for what it does not expect by itself.

    A cfg of rustc's own is only among them where the lint was allowed, so it is allowed for rustc as well.
    """
    own = Expected(names={each.name: table.well_known().names[each.name] for each in table.ROWS if each.set_by is table.SetBy.CONFIG})
    builtin = any((row := table.disallowed(each)) and row.set_by is not table.SetBy.CONFIG for each in cfgs)
    return [
        *(["-A", "explicit_builtin_cfgs_in_flags"] if builtin else []),
        *(word for cfg in sorted(cfgs, key=shown) for word in ("--cfg", shown(cfg))),
        *(word for each in (own | expects).specifications() for word in ("--check-cfg", each)),
    ]


def c_flags(cfgs: Collection[Cfg]) -> list[str]:
    """What C and C++ compilers are told: `NAME` is HOLOENZYME_CFG_NAME, `NAME="VALUE"` is HOLOENZYME_CFG_NAME_VALUE, each 1.

    A value that is a number is HOLOENZYME_CFG_NAME as well, so that it can be compared.
    """
    macros: dict[str, str] = {}
    for name, value in sorted(cfgs, key=shown):
        macros[_macro(name if value is None else f"{name}_{value}")] = "1"
        if value is not None and value.isascii() and value.isdecimal():
            macros[_macro(name)] = value
    return [f"-D{name}={value}" for name, value in macros.items()]


def _macro(name: str) -> str:
    return MACRO + re.sub(r"[^A-Za-z0-9]", "_", name).upper()


# What is written, and what is wrong with it


def when_of(resolved: Resolved, unit: str) -> Expression | None:
    """The condition of a unit, None without one. Raises `Failure` (E0250)."""
    return next((expression.parse(text.text, origin=text.origin, span=text.span) for text in _whens(resolved, [unit])), None)


def check(resolved: Resolved, *, cfgs: Sequence[str] = (), given: Iterable[Level] = ()) -> list[Diagnostic]:
    """All that is wrong with `[cfg]`, with `--cfg` and with the `when` of units, at the levels that are given.

    Texts that cannot be read are E0250 to E0252, disallowed cfgs E0258, gated ones E0208, unexpected ones E0259.
    """
    found: list[Diagnostic] = []
    settings = list(_readable(_texts(resolved, "set", cfgs), specification.parse_cfg, found))
    checked = expected_of(each for each, _ in _readable(_texts(resolved, "check"), specification.parse, found))
    known = table.well_known() | checked | _expecting(cfg for cfg, _ in settings if cfg[0] not in checked.names)
    for cfg, text in settings:
        found += _forbidden(cfg, text, resolved) or _unexpected(cfg, known, text)
    for tree, text in _readable(_whens(resolved, resolved.config.unit), expression.parse, found):
        found += unexpected(tree, known, text)
    return levels.apply(found, given)


def unexpected(tree: Expression, known: Expected, text: Text) -> Iterator[Diagnostic]:
    """A warning for each option of an expression that is not expected."""
    for option in expression.options(tree):
        yield from _unexpected((option.name, option.value), known, text, (option.token, option.value_token))


def _texts(resolved: Resolved, key: str, flags: Sequence[str] = ()) -> list[Text]:
    """The texts of `[cfg] KEY` and of the command line, with their places."""
    written = [
        Text(text=text, origin=f"cfg.{key}", span=resolved.span_of(("cfg", key, index)))
        for index, text in enumerate(getattr(resolved.config.cfg, key))
    ]
    return [*written, *(Text(text=text, origin="--cfg") for text in flags)]


def _whens(resolved: Resolved, units: Iterable[str]) -> Iterator[Text]:
    for unit in units:
        when = resolved.config.unit[unit].when
        if when is not None:
            yield Text(text=when, origin=f"unit.{unit}.when", span=resolved.span_of(("unit", unit, "when")))


def _readable(texts: Iterable[Text], parse: Callable[..., _Read], faults: list[Diagnostic]) -> Iterator[tuple[_Read, Text]]:
    """What can be read of `texts`; the rest goes to `faults`."""
    for text in texts:
        try:
            yield parse(text.text, origin=text.origin, span=text.span), text
        except Failure as failure:
            faults += failure.diagnostics


def _set(resolved: Resolved, flags: Sequence[str]) -> list[Cfg]:
    return [specification.parse_cfg(text.text, origin=text.origin, span=text.span) for text in _texts(resolved, "set", flags)]


def _expecting(cfgs: Iterable[Cfg]) -> Expected:
    return expected_of(Expected(names={name: BARE if value is None else Values(listed=frozenset({value}))}) for name, value in cfgs)


def _forbidden(cfg: Cfg, text: Text, resolved: Resolved) -> list[Diagnostic]:
    """What is to be said of a cfg that is not the user's to set."""
    row = table.disallowed(cfg)
    if row is None:
        return []
    span, related = text.place(0, len(text.text))
    lint = Diagnostic(
        code=DISALLOWED,
        message=f"the cfg `{shown(cfg)}` is not to be set by hand",
        span=span,
        related=related,
        label=f"`{row.name}` is controlled by `{row.controlled_by}`",
        notes=("what is set by hand may contradict what the compiler does",),
        help=("`-A explicit_builtin_cfgs_in_flags` allows it",),
    )
    gated = _gated(row, resolved)
    return [lint, *([dataclasses.replace(gated, span=span, related=related)] if gated else [])]


def _gated(row: table.Row, resolved: Resolved) -> Diagnostic | None:
    """What the gate of a row says."""
    if not row.feature:
        return None
    rustc = gates.Feature(name=row.feature, summary="a feature of rustc", status=gates.Status.UNSTABLE, since="")
    use = gates.Use(feature=row.feature, what=f"the cfg `{row.name}`", enabled=resolved.config.llvm.enzyme)
    return gates.require(use, resolved.channel, features=(*gates.FEATURES, rustc))


def _unexpected(cfg: Cfg, known: Expected, text: Text, tokens: tuple[Token | None, Token | None] = (None, None)) -> list[Diagnostic]:
    """The warning that `known` does not have this cfg, with what is near."""
    name, value = cfg
    if (known.any_name and name not in known.names) or value in known.names.get(name, ()):
        return []
    values = known.names.get(name)
    if values is None:
        message, notes = f"unexpected cfg `{name}`", tuple[str, ...]()
        near = _near(name, known.names)
    else:
        listed = sorted(each for each in values.listed if each is not None)
        message = f"unexpected value `{value}` for the cfg `{name}`" if value is not None else f"the cfg `{name}` needs a value"
        notes = (_listing(name, values),)
        near = _near(value, listed) if value is not None else ""
    token = tokens[1] if values is not None and tokens[1] else tokens[0]
    span, related = text.place(*((token.start, token.end) if token else (0, len(text.text))))
    wanted = f"cfg({named(name)})" if value is None else f"cfg({named(name)}, values({quoted(value)}))"
    # Of rustc's own names and of ours, the list is right and the use is wrong.
    remedies = () if name in table.by_name() else (f"expect it with `check = ['{wanted}']` under `[cfg]`",)
    return [
        Diagnostic(
            code=UNEXPECTED, severity=Severity.WARNING, message=message, span=span, related=related, label=near, notes=notes, help=remedies
        )
    ]


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word[:100], known, n=NEAR)
    return f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else ""


def _listing(name: str, values: Values) -> str:
    """The note on what is expected of a name."""
    listed = sorted(quoted(each) for each in values.listed if each is not None)
    some = [*(["no value"] if None in values.listed else []), *listed[:MOST]]
    more = f" and {len(listed) - MOST} more" if len(listed) > MOST else ""
    return f"expected of `{name}`: {', '.join(some) or 'nothing'}{more}"
