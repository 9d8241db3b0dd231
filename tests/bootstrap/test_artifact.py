"""Digests of files and trees, and what a keep list keeps."""

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.artifact import Entry, Tree, file_digest, tree_digest

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1).filter(lambda name: name not in {".", ".."})
ENTRIES = st.lists(
    st.builds(Entry, path=NAMES, executable=st.booleans(), sha256=st.binary().map(lambda data: sha256(data).hexdigest())),
    unique_by=lambda entry: entry.path,
    max_size=4,
)


def tree(*keep: str) -> Tree:
    return Tree(prefix="zig", keep=keep, executable="zig", sha256="", size=0, files=0)


@pytest.mark.parametrize(
    ("member", "kept"),
    [
        ("zig/lib/std/std.zig", "lib/std/std.zig"),
        ("zig/zig", "zig"),
        ("zig/lib/std", "lib/std"),
        ("zig/lib/std-docs.zig", None),
        ("zig/lib", None),
        ("zig/lib/std/", None),
        ("lib/std/std.zig", None),
        ("ziglang/zig", None),
    ],
)
def test_a_keep_list_names_files_and_all_below_folders(member: str, kept: str | None) -> None:
    assert tree("zig", "lib/std").kept(member) == kept


def test_the_digest_of_a_tree_is_the_documented_one() -> None:
    one, two = sha256(b"1").hexdigest(), sha256(b"2").hexdigest()
    entries = [Entry(path="b", executable=True, sha256=two), Entry(path="a/c", executable=False, sha256=one)]
    assert tree_digest(entries) == sha256(f"{one} - a/c\0{two} x b\0".encode()).hexdigest()


@given(ENTRIES, ENTRIES)
def test_trees_have_one_digest_exactly_when_they_are_equal(one: list[Entry], other: list[Entry]) -> None:
    def key(entry: Entry) -> str:
        return entry.path

    assert (tree_digest(one) == tree_digest(other)) == (sorted(one, key=key) == sorted(other, key=key))
    assert tree_digest(one) == tree_digest(one[::-1])


def test_what_stands_on_the_disk_is_digested_as_what_came_out_of_the_wheel(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.h").write_bytes(b"a" * 1_000_000)
    (tmp_path / "zig").write_bytes(b"")
    (tmp_path / "zig").chmod(0o700)
    entries = [
        Entry(path="zig", executable=True, sha256=sha256(b"").hexdigest()),
        Entry(path="lib/a.h", executable=False, sha256=sha256(b"a" * 1_000_000).hexdigest()),
    ]
    assert tree().digest(tmp_path) == tree_digest(entries)
    assert file_digest(tmp_path / "lib" / "a.h") == entries[1].sha256
