"""A file is written whole or not at all."""

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from bootstrap.files import of_os_error, raise_if_full, write_atomically


def refuse(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("content", "data"), [("naïve\n", "naïve\n".encode()), (b"\x00\xff", b"\x00\xff"), ("", b"")])
def test_a_file_gets_its_content(tmp_path: Path, content: str | bytes, data: bytes) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, content)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced_and_never_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, "old")
    with path.open(encoding="utf-8") as reader:
        write_atomically(path, "new")
        assert reader.read() == "old"
    assert path.read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755])
def test_a_file_has_the_mode_that_was_asked_for_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "record.json"
    before = os.umask(0o077)
    try:
        write_atomically(path, "", mode=mode)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("broken", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
@pytest.mark.parametrize(("fault", "raised"), [(refuse, OSError), (interrupt, KeyboardInterrupt)])
def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, fault: object, raised: type[BaseException]
) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, "old")
    monkeypatch.setattr(broken, fault)
    with pytest.raises(raised):
        write_atomically(path, "new")
    monkeypatch.undo()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    synced = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        synced.append((os.fstat(descriptor).st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(path, "four")
    assert synced == [(4, False)]


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "record.json", "")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_apart(number: int) -> None:
    diagnostic = of_os_error(OSError(number, os.strerror(number), "/build/libf.so"))
    assert (diagnostic.code, diagnostic.exit_status) == ("E0238", 2)
    assert diagnostic.message == "the disk is full (`/build/libf.so`)"
    assert "make room" in diagnostic.help[0]


def test_any_other_fault_is_told_in_the_words_of_the_system(tmp_path: Path) -> None:
    diagnostic = of_os_error(PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/build"))
    assert diagnostic.code == "E0237"
    assert diagnostic.message == "a file cannot be used: Permission denied (`/build`)"
    assert diagnostic.help
    assert of_os_error(OSError("no number")).message == "a file cannot be used: no number"
    assert of_os_error(FileNotFoundError(errno.ENOENT, "No such file", b"/bin/cc")).message.endswith("(`/bin/cc`)")
    assert of_os_error(OSError(errno.ENOSPC, "full"), tmp_path).message == f"the disk is full (`{tmp_path}`)"


@pytest.mark.parametrize(
    "said", ["ld: out.so: No space left on device\n", "error: Disk quota exceeded", "error: unable to write: NoSpaceLeft"]
)
def test_a_child_that_says_that_the_disk_is_full_is_believed(said: str) -> None:
    with pytest.raises(OSError, match=r"No space left|quota") as raised:
        raise_if_full(said)
    assert of_os_error(raised.value).code == "E0238"


@pytest.mark.parametrize("said", ["", "f.c:1:1: error: expected ';'"])
def test_a_child_that_says_another_thing_is_not(said: str) -> None:
    raise_if_full(said)
