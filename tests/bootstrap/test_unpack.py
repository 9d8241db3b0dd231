"""What is taken out of a wheel, and what is refused."""

import dataclasses
import stat
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from bootstrap.artifact import Artifact, File, Tree
from bootstrap.diagnostics import Failure
from bootstrap.unpack import unpack
from tests.wheelhouse import PROGRAM, TEXT, file_artifact, make_wheel, pin, tree_artifact


class Recorder:
    """Progress that is written down."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.reached: list[int] = []

    def begin(self, phase: str, total: int) -> None:
        self.begun.append((phase, total))

    def reach(self, done: int) -> None:
        self.reached.append(done)


def refusal(artifact: Artifact, wheel: Path, payload: Path) -> str:
    """Code and notes of the refusal; nothing but the payload may have been written."""
    before = set(payload.parent.rglob("*"))
    with pytest.raises(Failure) as caught:
        unpack(artifact, wheel, payload, Recorder())
    assert {path for path in payload.parent.rglob("*") if not path.is_relative_to(payload)} == before - {payload}
    (diagnostic,) = caught.value.diagnostics
    return f"{diagnostic.code} {' '.join(diagnostic.notes)}"


def tree_of(tmp_path: Path, members: dict[str, tuple[int, bytes]]) -> Artifact:
    """A tree that pins whatever is below `c/` in a wheel of these members, but for its digest."""
    wheel = make_wheel(tmp_path, "holoenzyme-odd", members)
    below = [data for path, (_, data) in members.items() if path.startswith("c/")]
    content = Tree(prefix="c", keep=("",), executable="run", sha256="0" * 64, size=sum(map(len, below)), files=len(below))
    return pin("odd", wheel, dataclasses.replace(content, keep=tuple(path[2:] for path in members)))


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    artifact, shown = tree_artifact(tmp_path), Recorder()
    unpack(artifact, tmp_path / artifact.wheel.file, tmp_path / "out", shown)
    assert shown.begun == [("unpacking", artifact.content.size)]
    assert shown.reached == sorted(shown.reached)
    assert shown.reached[-1] == artifact.content.size


@pytest.mark.parametrize("path", ["c/../../evil", "c//etc/evil", "c/./evil", "c/a/../evil", "c/.."])
def test_a_name_that_leads_out_is_refused_before_anything_is_written(path: str, tmp_path: Path) -> None:
    artifact = tree_of(tmp_path, {"c/a": (TEXT, b"good"), path: (TEXT, b"evil")})
    assert "E0309 a file would be put outside" in refusal(artifact, tmp_path / artifact.wheel.file, tmp_path / "in" / "out")
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files_are_refused(kind: int, tmp_path: Path) -> None:
    artifact = tree_of(tmp_path, {"c/run": (kind | 0o777, b"/etc/passwd")})
    assert "E0309 a link or a special file" in refusal(artifact, tmp_path / artifact.wheel.file, tmp_path / "out")


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    artifact = tree_of(tmp_path, {"c/a": (TEXT, b"good")})
    with zipfile.ZipFile(tmp_path / artifact.wheel.file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("c/a", b"evil")
    assert "E0309 2 members, 8 bytes" in refusal(artifact, tmp_path / artifact.wheel.file, tmp_path / "out")


def test_a_missing_member_is_refused(tmp_path: Path) -> None:
    artifact = file_artifact(tmp_path)
    elsewhere = dataclasses.replace(
        artifact, content=File(member="driver.data/bin/other", sha256=artifact.sha256, size=artifact.content.size)
    )
    assert "E0309 0 members" in refusal(elsewhere, tmp_path / artifact.wheel.file, tmp_path / "out")


@pytest.mark.parametrize("damage", ["other", "cut", "holed"])
def test_an_archive_that_is_not_sound_is_refused(damage: str, tmp_path: Path) -> None:
    artifact = file_artifact(tmp_path, bytes(range(256)) * 40)
    wheel = tmp_path / artifact.wheel.file
    data = wheel.read_bytes()
    wheel.write_bytes({"other": b"not a zip", "cut": data[:-40], "holed": data[:60] + bytes(40) + data[100:]}[damage])
    assert refusal(artifact, wheel, tmp_path / "out").startswith("E0309")


def test_what_stands_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    artifact = file_artifact(tmp_path)
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "out").symlink_to("precious")
    with pytest.raises(FileExistsError):
        unpack(artifact, tmp_path / artifact.wheel.file, tmp_path / "out", Recorder())
    assert (tmp_path / "precious").read_text() == "keep"


def test_a_large_member_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    size = 50_000_000
    artifact = file_artifact(tmp_path, bytes(size))
    tracemalloc.start()
    try:
        unpack(artifact, tmp_path / artifact.wheel.file, tmp_path / "out", Recorder())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "out").stat().st_size == size
    assert peak < size / 10


def test_the_right_to_be_run_comes_from_the_wheel(tmp_path: Path) -> None:
    members = {"c/run": (PROGRAM, b"1"), "c/plain": (TEXT, b"2"), "c/unset": (0, b"3")}
    artifact = tree_of(tmp_path, members)
    assert refusal(artifact, tmp_path / artifact.wheel.file, tmp_path / "out").startswith("E0302")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()}
    assert modes == {"run": 0o700, "plain": 0o600, "unset": 0o600}
