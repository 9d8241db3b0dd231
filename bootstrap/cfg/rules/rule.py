"""What a rule is, and the names that rules treat in their own way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from bootstrap.cfg.facts import Facts
from bootstrap.diagnostics import Diagnostic, Related, Severity, Span

FIRST = 151
"""The number in the code of the first rule."""
USER_SPACE = frozenset({"test"})
"""Set by rustc, and yet the build system's to expect and to set (`harness = false`)."""
TEST_RUNNER = frozenset({"FALSE", *USER_SPACE})
"""What the runner of the UI tests declares for each of them."""
TOOLS = frozenset({"clippy", "doc", "doctest", "miri", "rust_analyzer", "rustfmt"})
"""Set by tools that run rustc, never by rustc."""
RESERVED = frozenset({*USER_SPACE, *TOOLS, "feature", "docsrs", "bootstrap"})
"""What `--cfg` must be able to set: Cargo, the tools and the build system do."""
INTERNAL = frozenset({"emscripten_wasm_eh", *(f"target_has_reliable_{each}" for each in ("f16", "f16_math", "f128", "f128_math"))})
"""For the compiler's own crates, which declare them."""
PREDICATES = frozenset({"version", "target", "true", "false"})
"""Gated, but a predicate of its own and no cfg."""
USE_GATED = frozenset(
    {
        *(
            "overflow_checks",
            "ub_checks",
            "target_thread_local",
            "target_has_atomic_equal_alignment",
            "target_has_atomic_load_store",
            "sanitize",
        ),
        *(
            "sanitizer_cfi_generalize_pointers",
            "sanitizer_cfi_normalize_integers",
            "contract_checks",
            "target_object_format",
            "target_has_threads",
        ),
        *INTERNAL,
    }
)
"""Set on every channel, on purpose: only their use is gated."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule found: `name` is the cfg, symbol or file that it is about, and makes the finding known again."""

    name: str
    message: str
    span: Span | None = None
    label: str = ""
    related: tuple[Related, ...] = ()
    notes: tuple[str, ...] = ()
    severity: Severity | None = None
    """Where it is not the rule's."""


Check = Callable[[Facts], Iterator[Finding]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: the code of its findings, what must hold, how much a finding weighs, and the facts that it needs: lists or fields by name."""

    code: str
    title: str
    severity: Severity
    needs: tuple[str, ...]
    check: Check

    @property
    def name(self) -> str:
        """`C1` for E0151, to `C31` for E0181."""
        return f"C{int(self.code[1:]) - FIRST + 1}"

    def answers(self, facts: Facts) -> bool:
        """Whether the source told all that the rule needs."""
        return all(getattr(facts.lists if hasattr(facts.lists, each) else facts, each) is not None for each in self.needs)

    def diagnostic(self, finding: Finding) -> Diagnostic:
        """A finding as a diagnostic."""
        return Diagnostic(
            code=self.code,
            severity=finding.severity or self.severity,
            message=f"{self.name}: {finding.message}",
            span=finding.span,
            label=finding.label,
            related=finding.related,
            notes=finding.notes,
            key=finding.name,
        )


def rule(code: str, title: str, severity: Severity, *needs: str) -> Callable[[Check], Rule]:
    """Make a rule of a check."""
    return lambda check: Rule(code=code, title=title, severity=severity, needs=needs, check=check)


def beside(*places: tuple[Span | None, str]) -> tuple[Related, ...]:
    """The places that are known, with what is there."""
    return tuple(Related(span=span, message=message) for span, message in places if span)
