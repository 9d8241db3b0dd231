"""pip as the transfer: what it is asked, what its failures mean, how far it is said to be."""

import http.server
import os
import sys
import threading
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.progress import Silent
from bootstrap.transfer import by_pip
from tests.wheelhouse import child, file_artifact, serve, wait_for

PAUSE = 0.3


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheelhouse, and pip set to it."""
    (folder := tmp_path / "wheelhouse").mkdir()
    serve(monkeypatch, folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the wheel goes."""
    (path := tmp_path / "transfer").mkdir()
    return path


@contextmanager
def index(house: Path, pause: float = PAUSE) -> Iterator[str]:
    """A package index on this machine that sends a wheel in four parts; gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if self.path.endswith(".whl"):
                data = (house / Path(self.path).name).read_bytes()
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                for part in range(4):
                    self.wfile.write(data[part * len(data) // 4 : (part + 1) * len(data) // 4])
                    time.sleep(pause)
            else:
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write("".join(f'<a href="/{path.name}">{path.name}</a>' for path in house.glob("*.whl")).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that goes away is nothing to tell."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def failure(house: Path, folder: Path) -> Diagnostic:
    with pytest.raises(Failure) as caught:
        by_pip(file_artifact(house), folder, Silent())
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def test_the_arrival_is_watched(house: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact, reached = file_artifact(house, os.urandom(2_000_000)), []

    class Recorder(Silent):
        def reach(self, done: int) -> None:
            reached.append(done)

    monkeypatch.delenv("PIP_NO_INDEX")
    with index(house) as address:
        monkeypatch.setenv("PIP_INDEX_URL", address)
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        wheel = by_pip(artifact, folder, Recorder())
    assert wheel.read_bytes() == (house / artifact.wheel.file).read_bytes()
    assert max(reached) <= artifact.wheel.size
    assert [done for done in reached if 0.2 * artifact.wheel.size < done < 0.8 * artifact.wheel.size]


def test_pip_does_not_outlive_who_started_it(house: Path, tmp_path: Path) -> None:
    artifact = file_artifact(house, os.urandom(2_000_000))
    with index(house, pause=2.0) as address:
        before = ("env", "-u", "PIP_NO_INDEX", f"PIP_INDEX_URL={address}", "PIP_FIND_LINKS=")
        process = child(tmp_path / "cache", artifact, house, before=before)
        scratch = tmp_path / "cache" / "artifacts" / f"{artifact.key}.partial"
        wait_for(lambda: [path for path in scratch.rglob("*.whl") if path.stat().st_size])
        (arriving,) = scratch.rglob("*.whl")
        process.kill()
        process.communicate()
        time.sleep(1.0)
        size = arriving.stat().st_size
        time.sleep(2.5)
    assert arriving.stat().st_size == size < artifact.wheel.size
    assert not list(scratch.rglob("wheel/*"))


def test_an_index_that_cannot_be_reached(house: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"INDEX_URL": "http://127.0.0.1:9/simple", "RETRIES": "1", "FIND_LINKS": "", "NO_INDEX": ""}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    found = failure(house, folder)
    assert (found.code, found.exit_status) == ("E0301", 3)
    assert found.message == "`driver` could not be downloaded: the package index can't be reached"
    assert any(note.startswith("pip: ERROR") for note in found.notes)


def test_an_index_without_the_wheel(house: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    found = failure(house, folder)
    assert found.code == "E0301"
    assert found.message == "`driver` could not be downloaded: no index that pip is set to use offers the pinned wheel"


def test_a_python_without_pip(house: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    assert failure(house, folder).code == "E0308"


def test_a_python_that_cannot_be_started(house: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    assert failure(house, folder).message == "`driver` could not be downloaded: pip could not be run"


def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Put a program in the place of Python."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kill -9 $$", "E0301: `driver` could not be downloaded: pip was ended by SIGKILL"),
        ("exit 7", "E0301: `driver` could not be downloaded: pip ended with status 7"),
        ("exit 0", "E0301: `driver` could not be downloaded: pip brought another file than the pinned one"),
    ],
)
def test_a_pip_that_ends_as_no_pip_should(
    text: str, expected: str, house: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, text)
    found = failure(house, folder)
    assert f"{found.code}: {found.message}" == expected


def test_a_full_disk_is_an_error_of_the_system(house: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(
        tmp_path, monkeypatch, 'echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device" >&2; exit 1'
    )
    with pytest.raises(OSError, match="No space left"):
        by_pip(file_artifact(house), folder, Silent())


def test_all_that_pip_writes_is_in_the_folder_and_nothing_is_hashed_or_named_but_the_pins(
    house: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, f'echo "$TMPDIR" > {tmp_path}/scratch; echo "$@" > {tmp_path}/words; exit 1')
    assert failure(house, folder).code == "E0301"
    artifact = file_artifact(house)
    assert (tmp_path / "scratch").read_text().strip() == str(folder / "tmp")
    words = (tmp_path / "words").read_text()
    assert "--require-hashes" in words
    assert "--platform manylinux_2_17_x86_64 --python-version 3.11 --implementation py --abi none" in words
    assert "index" not in words
    assert (folder / "requirements.txt").read_text() == f"holoenzyme-driver==1.0 --hash=sha256:{artifact.wheel.sha256}\n"


def test_neither_the_working_directory_nor_settings_for_other_work_change_what_is_done(
    house: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')")
    (tmp_path / "constraints.txt").write_text("holoenzyme-driver==2.0\n")
    monkeypatch.chdir(tmp_path)
    for name, value in {"CONSTRAINT": "constraints.txt", "QUIET": "3", "PLATFORM": "win32", "NO_BINARY": ":all:"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    assert by_pip(file_artifact(house), folder, Silent()).is_file()
