"""Accepted findings: a TOML file with an entry for each, the rule, what it is about, and the reason why it is accepted."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bootstrap.diagnostics import Diagnostic, Failure, Severity, Span, fail
from bootstrap.files import write_atomically

FINDINGS = ("E015", "E016", "E017", "E0180", "E0181")
HEAD = "Findings of `holoenzyme audit cfg` that are accepted, each for a reason; the rest fails."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One entry: the code of the rule, what the finding is about, and why it is accepted."""

    code: str
    about: str
    reason: str


def read(path: Path) -> tuple[Accepted, ...]:
    """The entries of a file. Raises `Failure` (E0257) when it cannot be read, or is no such file."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(_entry(each) for each in data.get("accepted", ()))
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(path, f"{type(error).__name__}: {error}") from None


def _entry(data: dict[str, Any]) -> Accepted:
    code, about, reason = (data[key] for key in ("code", "about", "reason"))
    if not all(isinstance(each, str) for each in (code, about, reason)):
        raise TypeError("`code`, `about` and `reason` must be strings")
    return Accepted(code=code, about=about, reason=reason)


def _unusable(path: Path, reason: str) -> Failure:
    return fail("E0257", f"the baseline `{path}` cannot be used: {reason}", help=["`--write-baseline FILE --reason TEXT` writes one"])


def accepting(diagnostics: Iterable[Diagnostic], accepted: Sequence[Accepted], path: Path) -> list[Diagnostic]:
    """`diagnostics` without the accepted ones, and what is wrong with the baseline.

    An entry may have no reason (E0187), or accept what is no longer found (E0188).
    """
    known = {(each.code, each.about) for each in accepted}
    found = list(diagnostics)
    left = [each for each in found if (each.code, each.key) not in known]
    place = Span(path=path, line=1, column=1, end_column=2)
    present = {(each.code, each.key) for each in found}
    for each in accepted:
        if not each.reason.strip():
            left.append(
                Diagnostic(code="E0187", message=f"the baseline accepts {each.code} of `{each.about}` without a reason", span=place)
            )
        elif (each.code, each.about) not in present:
            message = f"the baseline accepts {each.code} of `{each.about}`, which is no longer found"
            left.append(Diagnostic(code="E0188", severity=Severity.WARNING, message=message, span=place, help=("remove the entry",)))
    return left


def write(path: Path, diagnostics: Iterable[Diagnostic], reason: str) -> int:
    """Accept the findings of rules among `diagnostics`; reasons that are there stay, the others get `reason`. Gives how many there are.

    Raises `Failure` (E0257) when a new one has no reason.
    """
    import tomlkit  # noqa: PLC0415 - takes 30 ms, and only writing needs it

    reasons = {(each.code, each.about): each.reason for each in read(path)} if path.exists() else {}
    wanted = list(dict.fromkeys((each.code, each.key) for each in diagnostics if each.code.startswith(FINDINGS)))
    if not reason and any(each not in reasons for each in wanted):
        raise fail("E0257", "each accepted finding needs a reason", help=["add `--reason TEXT`"])
    document = tomlkit.document()
    document.add(tomlkit.comment(HEAD))
    entries = tomlkit.aot()
    for code, about in wanted:
        entries.append(tomlkit.item({"code": code, "about": about, "reason": reasons.get((code, about), reason)}))
    document.append("accepted", entries)
    write_atomically(path, tomlkit.dumps(document))
    return len(wanted)
