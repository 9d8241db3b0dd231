"""What Enzyme says, made into a diagnostic."""

from pathlib import Path

import pytest

from plugin.complaints import explain


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("", "Enzyme refused the module: it gave no reason"),
        ("noise\nerror: out of luck\n", "Enzyme refused the module: error: out of luck"),
        ("error: f.c:1:2: in function diffef double (double): Enzyme: no luck  %x = y", "Enzyme cannot differentiate `f`: no luck"),
        ("error: f.c:1:2: in function fwddiffe3preprocess_f double (double): Enzyme: no luck", "Enzyme cannot differentiate `f`: no luck"),
        ("error: <unknown>:0:0: in function f.carrier.d void (ptr): Enzyme: no luck", "Enzyme cannot differentiate `f`: no luck"),
    ],
)
def test_words_that_are_not_known_are_handed_on(stderr: str, message: str, tmp_path: Path) -> None:
    told = explain(stderr, tmp_path, ("kept",))
    assert (told.code, told.message, told.notes) == ("E0510", message, ("kept",))
