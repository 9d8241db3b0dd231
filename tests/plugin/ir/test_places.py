"""Where instructions come from."""

from pathlib import Path

import pytest

from plugin.ir.places import span_in, span_of

TEXT = """
  %1 = fadd double %x, %x, !dbg !6
  %2 = fadd double %x, %x, !dbg !9
  %3 = fadd double %x, %x

!1 = !DIFile(filename: "FILE", directory: "FOLDER")
!3 = distinct !DISubprogram(name: "f", scope: !1, file: !1, line: 1)
!4 = distinct !DILexicalBlock(scope: !3, line: 2, column: 3)
!6 = !DILocation(line: 2, column: 5, scope: !4)
!9 = !DILocation(line: 7, column: 1, scope: !3)
"""


@pytest.mark.parametrize("style", ["absolute", "of the folder", "of the root"])
def test_an_instruction_has_a_place(tmp_path: Path, style: str) -> None:
    source = tmp_path / "deep" / "f.c"
    source.parent.mkdir()
    source.write_text("one\n\ttwo\n", encoding="utf-8")
    name, folder, root = {
        "absolute": (str(source), "/nowhere", Path("/nowhere")),
        "of the folder": ("f.c", str(source.parent), tmp_path),
        "of the root": ("deep/f.c", "/nowhere", tmp_path),
    }[style]
    text = TEXT.replace("FILE", name).replace("FOLDER", folder)
    placed, beyond, without = text.split("\n")[1:4]
    span = span_of(placed, text, root)
    assert span is not None
    assert (span.path, span.line, span.column, span.source) == (source, 2, 5, "\ttwo")
    assert span_of(beyond, text, root) is None
    assert span_of(without, text, root) is None


def test_a_file_that_is_not_there_gives_none(tmp_path: Path) -> None:
    assert span_in("f.c", 1, 1, TEXT, tmp_path) is None
    assert span_in("<unknown>", 0, 0, TEXT, tmp_path) is None
