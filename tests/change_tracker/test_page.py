"""The page of the manual: every entry, what became of it, and what is done for older files."""

from __future__ import annotations

from pathlib import Path

from change_tracker import history, page
from change_tracker.change import Change, Kind, Pin, Remove, Rename, Rewrite, Severity, key
from change_tracker.history import History

DOCUMENT = Path(__file__).parents[2] / "docs" / "changes.md"


def test_the_page_in_the_manual_is_fresh() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == page.markdown(history.read()), "run `./x.py changes --format markdown > docs/changes.md`"


def test_an_entry_says_everything() -> None:
    first = Change(id=1, severity=Severity.INFO, kind=Kind.ADDED, summary="more", since="0.1.0", keys=(key("a.b"),), commands=("build",))
    second = Change(
        id=2,
        severity=Severity.WARNING,
        kind=Kind.VALUE,
        summary="other words.",
        since="0.2.0",
        keys=(key("a.b"),),
        supersedes=(1,),
        migration=(
            Rename(key=key("a.x"), to=key("a.b")),
            Rewrite(key=key("a.b"), old="on", new=True),
            Pin(key=key("a.c"), value="old"),
            Remove(key=key("a.d")),
        ),
    )
    third = Change(id=3, severity=Severity.INFO, kind=Kind.BEHAVIOUR, summary="back", since="0.3.0", reverts=(2,))
    text = page.markdown(History(changes=(first, second, third), latest=3))
    assert text.endswith(
        """\
## 3: behaviour (info, since 0.3.0)

Back.

- Takes back change 2.

## 2: value-changed (warning, since 0.2.0)

Other words.

- Taken back by change 3.
- Tells change 1 anew.
- Keys: `a.b`
- `config migrate` turns `a.x` into `a.b`.
- `config migrate` writes `a.b = true` instead of `"on"`.
- `config migrate` writes `a.c = "old"` where nothing is said.
- `config migrate` removes `a.d`.

## 1: added (info, since 0.1.0)

More.

- Told anew by change 2.
- Keys: `a.b`
- Commands: `build`
"""
    )
