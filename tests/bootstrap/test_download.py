"""Files from an address: fetched into a store from a server of our own, verified, and a member taken out where it is an archive."""

import functools
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from bootstrap.artifact import Artifact
from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.download import artifact_at
from bootstrap.store import State, Store

DATA = b"\x7fELF, so to speak"
MEMBER = "enzyme/lib/plugin.so"


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """The folder that the server shows."""
    (folder := tmp_path / "served").mkdir()
    return folder


@pytest.fixture
def address(served: Path) -> Iterator[str]:
    """The address of a server that shows a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(served))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return Store(tmp_path / "cache")


def zipped(names: list[str]) -> bytes:
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        for name in names:
            archive.writestr(name, DATA)
    return buffer.getvalue()


def tarred(names: list[str]) -> bytes:
    with tarfile.open(fileobj=(buffer := io.BytesIO()), mode="w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(DATA)
            archive.addfile(info, io.BytesIO(DATA))
        link = tarfile.TarInfo("link.so")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return buffer.getvalue()


def at(url: str, data: bytes, member: str | None = None) -> Artifact:
    return artifact_at(url, sha256(data).hexdigest(), member, "linux-x86_64")


def refused(store: Store, artifact: Artifact) -> Diagnostic:
    with pytest.raises(Failure) as caught:
        store.obtain(artifact)
    assert caught.value.exit_status == 3
    assert store.locate(artifact) is None
    [diagnostic] = caught.value.diagnostics
    return diagnostic


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_file_is_fetched_once_verified_and_may_be_run(store: Store, address: str, served: Path, scheme: str) -> None:
    (served / "a plugin.so").write_bytes(DATA)
    base = address if scheme == "http" else served.as_uri()
    artifact = at(f"{base}/a%20plugin.so", DATA)
    path = store.obtain(artifact)
    assert (path.name, path.read_bytes(), path.stat().st_mode & 0o777) == ("a plugin.so", DATA, 0o700)
    (served / "a plugin.so").unlink()
    assert store.obtain(artifact) == path
    path.write_bytes(b"something else")
    assert store.verify(artifact).state is State.DAMAGED


@pytest.mark.parametrize(("name", "make"), [("e.zip", zipped), ("e.tar.gz", tarred)])
def test_a_member_of_an_archive_is_kept_and_nothing_else(
    store: Store, address: str, served: Path, name: str, make: Callable[[list[str]], bytes]
) -> None:
    data = make(["read.me", MEMBER])
    (served / name).write_bytes(data)
    artifact = at(f"{address}/{name}", data, MEMBER)
    path = store.obtain(artifact)
    assert (path.name, path.read_bytes(), path.stat().st_mode & 0o777) == ("plugin.so", DATA, 0o700)
    assert sorted(each.name for each in path.parent.iterdir()) == ["plugin.so", "stamp.json"]
    other = at(f"{address}/{name}", data, "read.me")
    assert store.obtain(other).name == "read.me"
    assert store.locate(artifact) == path
    path.write_bytes(b"something else")
    assert store.locate(artifact) is None
    assert store.obtain(artifact).read_bytes() == DATA


def test_another_file_than_was_named_is_not_kept(store: Store, address: str, served: Path) -> None:
    (served / "plugin.so").write_bytes(DATA + b"!")
    told = refused(store, at(f"{address}/plugin.so", DATA))
    assert told.code == "E0302"
    assert told.notes[0] == f"pinned: sha256 {sha256(DATA).hexdigest()}"
    assert not list(store.root.rglob("plugin.so"))


@pytest.mark.parametrize(
    ("url", "why"), [("{}/none.so", "the server says 404"), ("http://host.invalid/a.so", ""), ("file:///none.so", "No such file")]
)
def test_what_does_not_arrive_is_told(store: Store, address: str, url: str, why: str) -> None:
    told = refused(store, at(url.format(address), DATA))
    assert told.code == "E0311"
    assert why in told.message


@pytest.mark.parametrize("url", ["plugin.so", "ftp://host/plugin.so", "https://host/", "https://host"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(Failure, match="E0312"):
        at(url, DATA)


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize("member", ["lib/plugin.so", "link.so", "../plugin.so"])
def test_a_member_that_is_not_there_is_told_with_what_is(
    store: Store, address: str, served: Path, make: Callable[[list[str]], bytes], member: str
) -> None:
    data = make([MEMBER])
    (served / "e").write_bytes(data)
    told = refused(store, at(f"{address}/e", data, member))
    assert told.code == "E0313"
    assert MEMBER in told.help[0]


@pytest.mark.parametrize("data", [b"", DATA, b"PK\x05\x06" + bytes(18) + b"x", tarred([MEMBER])[:60]])
def test_what_is_no_archive_is_told(store: Store, address: str, served: Path, data: bytes) -> None:
    (served / "e.zip").write_bytes(data)
    assert refused(store, at(f"{address}/e.zip", data, MEMBER)).code in {"E0313", "E0314"}
