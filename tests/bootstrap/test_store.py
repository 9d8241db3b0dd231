"""The store: fetched once, whole or not at all, right at every use, whatever happens meanwhile."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootstrap import artifact as artifacts
from bootstrap.artifact import Artifact
from bootstrap.diagnostics import Failure
from bootstrap.progress import Progress
from bootstrap.store import State, Store, default_root
from tests.wheelhouse import TREE, Copying, child, file_artifact, serve, tree_artifact, wait_for

RANDOM = random.Random(0)  # noqa: S311 - data and moments for tests


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheelhouse, and pip set to it."""
    (folder := tmp_path / "wheelhouse").mkdir()
    serve(monkeypatch, folder)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the store will be."""
    return tmp_path / "cache"


def code_of(action: Callable[[], object]) -> str:
    """The code of the one diagnostic that `action` fails with."""
    with pytest.raises(Failure) as caught:
        action()
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.code


def never(artifact: Artifact, folder: Path, shown: Progress) -> Path:
    """A transfer that must not be asked."""
    raise AssertionError(artifact, folder, shown)


def leftovers(root: Path) -> list[str]:
    """What is in the store besides what is published, its locks and its tag."""
    return [path.name for path in (root / "artifacts").iterdir() if path.suffix != ".lock" and not (path / "stamp.json").is_file()]


# Fetching


def test_a_file_is_brought_by_pip_and_published_private(house: Path, root: Path) -> None:
    artifact = file_artifact(house, b"#!/bin/sh\necho it runs\n")
    path = Store(root).obtain(artifact)
    assert path.read_bytes() == b"#!/bin/sh\necho it runs\n"
    assert path.name == "driver"
    assert {each.name for each in path.parent.iterdir()} == {"driver", "stamp.json"}
    assert leftovers(root) == []
    assert (root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    for each in [root, *root.rglob("*")]:
        assert each.stat().st_mode & 0o777 == (0o700 if each.is_dir() or each == path else 0o600), each


def test_a_tree_holds_what_its_keep_list_names(house: Path, root: Path) -> None:
    path = Store(root).obtain(tree_artifact(house))
    found = {str(each.relative_to(path)): each for each in path.rglob("*") if each.is_file()}
    assert set(found) == {"run", "lib/a.h", "lib/deep/b.h"}
    for name, each in found.items():
        assert each.read_bytes() == TREE[f"compiler/{name}"][1]
        assert each.stat().st_mode & 0o777 == (0o700 if name == "run" else 0o600)


@pytest.mark.parametrize("make", [file_artifact, tree_artifact])
def test_what_is_here_is_neither_fetched_nor_read_again(
    make: Callable[[Path], Artifact], house: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = make(house)
    path = Store(root).obtain(artifact)
    monkeypatch.setattr(artifacts, "file_digest", never)
    store = Store(root, transfer=never)
    assert store.locate(artifact) == store.obtain(artifact) == store.obtain(artifact, offline=True) == path


def test_offline_fetches_nothing(house: Path, root: Path) -> None:
    assert code_of(lambda: Store(root, transfer=never).obtain(file_artifact(house), offline=True)) == "E0307"
    assert not root.exists()


def test_another_version_is_another_artifact(house: Path, root: Path) -> None:
    old = file_artifact(house, b"old")
    store = Store(root, transfer=Copying(house))
    old_path = store.obtain(old)
    new_path = store.obtain(file_artifact(house, b"new"))
    assert (old_path.read_bytes(), new_path.read_bytes()) == (b"old", b"new")


# What does not come as it should


def test_a_wheel_of_another_digest_is_refused(house: Path, root: Path) -> None:
    artifact = file_artifact(house, b"pinned")
    file_artifact(house, b"forged")
    with pytest.raises(Failure) as caught:
        Store(root).obtain(artifact)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, caught.value.exit_status) == ("E0302", 3)
    assert f"pinned: sha256 {artifact.wheel.sha256}" in diagnostic.notes
    assert Store(root).locate(artifact) is None
    assert leftovers(root) == []


@pytest.mark.parametrize("make", [file_artifact, tree_artifact])
def test_content_of_another_digest_is_refused_whoever_brought_it(make: Callable[[Path], Artifact], house: Path, root: Path) -> None:
    artifact = make(house)
    forged = (house / artifact.wheel.file).read_bytes()
    shutil.rmtree(house)
    house.mkdir()
    TREE["compiler/lib/a.h"], kept = (0o100644, b"#define A 9\n"), TREE["compiler/lib/a.h"]
    try:
        other = tree_artifact(house) if make is tree_artifact else file_artifact(house, b"#!/bin/sh\necho forged\n")
    finally:
        TREE["compiler/lib/a.h"] = kept
    assert (house / other.wheel.file).read_bytes() != forged
    assert code_of(lambda: Store(root, transfer=Copying(house)).obtain(artifact)) == "E0302"
    assert leftovers(root) == []


def test_after_a_failure_the_next_try_succeeds(house: Path, root: Path) -> None:
    artifact = file_artifact(house)
    (house / artifact.wheel.file).rename(house / "hidden")
    assert code_of(lambda: Store(root).obtain(artifact)) == "E0301"
    assert leftovers(root) == []
    (house / "hidden").rename(house / artifact.wheel.file)
    assert Store(root).obtain(artifact).is_file()


# What changes later


def test_a_file_that_was_only_touched_is_digested_once_more(house: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = file_artifact(house)
    path = Store(root).obtain(artifact)
    path.touch()
    assert Store(root).locate(artifact) == path
    monkeypatch.setattr(artifacts, "file_digest", never)
    assert Store(root).locate(artifact) == path


def overwrite(path: Path) -> None:
    """Change one byte, and set the time of modification back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_link(path: Path) -> None:
    """Put a link to an equal file in the place of a file."""
    path.rename(path.parent / "elsewhere")
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("damage", [overwrite, replace_by_link, Path.unlink, lambda path: path.chmod(0o600)])
def test_a_damaged_file_is_noticed_at_use_and_fetched_again(
    damage: Callable[[Path], None], house: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = file_artifact(house)
    path = Store(root).obtain(artifact)
    damage(path)
    assert Store(root).locate(artifact) is None
    assert code_of(lambda: Store(root, transfer=never).obtain(artifact, offline=True)) == "E0307"
    assert Store(root, transfer=Copying(house)).obtain(artifact) == path
    assert path.read_bytes() == b"#!/bin/sh\necho driver\n"
    assert not path.is_symlink()
    assert "is damaged" in capsys.readouterr().err
    assert leftovers(root) == []


def test_of_a_tree_the_program_is_looked_at_and_the_rest_when_asked(house: Path, root: Path) -> None:
    artifact = tree_artifact(house)
    store = Store(root, transfer=Copying(house))
    path = store.obtain(artifact)
    overwrite(path / "lib/a.h")
    assert store.locate(artifact) == path  # the cheap look does not see it
    assert store.verify(artifact).state is State.DAMAGED
    assert store.locate(artifact) is None  # but what was seen once is not forgotten
    overwrite(store.obtain(artifact) / "run")
    assert store.locate(artifact) is None
    assert store.obtain(artifact) == path
    assert store.verify(artifact).state is State.PRESENT


@pytest.mark.parametrize("change", ["add", "remove", "link", "mode"])
def test_a_tree_is_verified_whole(change: str, house: Path, root: Path) -> None:
    artifact = tree_artifact(house)
    store = Store(root, transfer=Copying(house))
    header = store.obtain(artifact) / "lib/deep/b.h"
    match change:
        case "add":
            header.with_name("c.h").touch()
        case "remove":
            header.unlink()
        case "link":
            replace_by_link(header)
        case _:
            header.chmod(0o700)
    assert store.verify(artifact).state is State.DAMAGED


def test_a_stamp_of_another_artifact_proves_nothing(house: Path, root: Path) -> None:
    artifact = file_artifact(house)
    path = Store(root).obtain(artifact)
    path.write_bytes(b"forged")
    for stamp in ("", "[]", '{"sha256": "' + artifact.sha256 + '"}'):
        path.with_name("stamp.json").write_text(stamp)
        assert Store(root).locate(artifact) is None


# Killed, and two at once


def test_a_fetch_that_is_killed_leaves_what_the_next_one_clears(house: Path, root: Path) -> None:
    artifact = file_artifact(house, RANDOM.randbytes(4_000_000) + bytes(60_000_000))
    other = tree_artifact(house)
    for _ in range(6):
        process = child(root, artifact, house)
        time.sleep(RANDOM.uniform(0.1, 1.2))
        process.kill()
        process.communicate()
        assert Store(root).locate(artifact) is None or Store(root).verify(artifact).state is State.PRESENT
    time.sleep(1.0)  # a pip whose parent is dead may need a moment to find out
    assert Store(root).obtain(other).is_dir()
    assert leftovers(root) == []
    path = Store(root, transfer=Copying(house)).obtain(artifact)
    assert path.stat().st_size == 64_000_000
    assert Store(root).verify(artifact).state is State.PRESENT
    assert leftovers(root) == []


def test_the_folder_of_a_living_fetch_is_left_alone(house: Path, root: Path) -> None:
    slow, quick = file_artifact(house, name="slow"), file_artifact(house, name="quick")
    process = child(root, slow, house, "stopping")
    partial = root / "artifacts" / f"{slow.key}.partial"
    wait_for(lambda: list(partial.rglob("*.whl")))
    Store(root).obtain(quick)
    assert Store(root).prune([slow, quick]) == []
    assert list(partial.rglob("*.whl"))
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate()
    assert (process.returncode, Path(output.strip()).is_file()) == (0, True)


def test_the_folder_of_a_dead_fetch_is_cleared_by_any_other(house: Path, root: Path) -> None:
    slow, quick = file_artifact(house, name="slow"), file_artifact(house, name="quick")
    process = child(root, slow, house, "stopping")
    wait_for(lambda: list((root / "artifacts" / f"{slow.key}.partial").rglob("*.whl")))
    process.kill()
    process.communicate()
    assert leftovers(root) == [f"{slow.key}.partial"]
    Store(root).obtain(quick)
    assert leftovers(root) == []


def test_of_two_processes_one_fetches_and_the_other_says_for_whom_it_waits(house: Path, root: Path) -> None:
    artifact = file_artifact(house)
    first = child(root, artifact, house, "stopping")
    wait_for(lambda: list((root / "artifacts" / f"{artifact.key}.partial").rglob("*.whl")))
    second = child(root, artifact, house)
    assert second.stderr
    assert f"waiting for process {first.pid} on {os.uname().nodename}, which is fetching driver" in second.stderr.readline()
    first.send_signal(signal.SIGCONT)
    outputs = [process.communicate() for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert outputs[0][0] == outputs[1][0]
    assert "fetching driver 1.0" in outputs[0][1]
    assert "fetching driver 1.0:" not in outputs[1][1]


def test_threads_may_share_a_store(house: Path, root: Path) -> None:
    artifact, transfer = tree_artifact(house), Copying(house)
    store = Store(root, transfer=transfer)
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: store.obtain(artifact), range(4)))
    assert len(paths) == transfer.calls == 1


# Full disks, and those that can't be written to


def on_a_small_disk(root: Path, size: str) -> tuple[str, ...]:
    """The start of a command that sees a file system of `size` at `root`."""
    return ("unshare", "--map-root-user", "--mount", "sh", "-c", f'mount -t tmpfs -o size={size} none "$0" && exec "$@"', str(root))


@pytest.mark.needs("unshare")
@pytest.mark.parametrize(("size", "transfer"), [("1m", []), ("8m", ["filling"])])
def test_a_full_disk_is_told_before_or_in_the_middle(size: str, transfer: list[str], house: Path, root: Path) -> None:
    artifact = file_artifact(house, RANDOM.randbytes(1_500_000) + bytes(500_000))
    root.mkdir()
    script = '"$@"; status=$?; find "$0" -type f -size +0; exit $status'
    before = (*on_a_small_disk(root, size), "sh", "-c", script, str(root))
    output, errors = (process := child(root, artifact, house, *transfer, before=before)).communicate()
    files = [line for line in output.splitlines() if line.startswith(str(root))]
    assert process.returncode == 3, errors
    assert output.startswith("error[E0303]: no room for `driver`: fetching it takes 3.3 MiB")
    assert files == [str(root / "CACHEDIR.TAG")]
    assert ("fetching driver" in errors) == bool(transfer)


@pytest.mark.parametrize("limit", [1000, 3000], ids=["pip", "unpacking"])
def test_a_limit_of_file_size_is_met_as_a_full_disk(limit: int, house: Path, root: Path) -> None:
    artifact = file_artifact(house, RANDOM.randbytes(2_000_000) + bytes(4_000_000))
    before = ("bash", "-c", f'ulimit -f {limit}; exec "$0" "$@"')
    output, errors = (process := child(root, artifact, house, before=before)).communicate()
    assert process.returncode == 3, errors
    assert output.startswith("error[E0303]")
    assert leftovers(root) == []
    assert Store(root).obtain(artifact).stat().st_size == 6_000_000


READ_ONLY = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount --bind -o ro "$0" "$0" && exec "$@"')


@pytest.mark.needs("unshare")
def test_a_read_only_store_is_used_but_not_fetched_into(house: Path, root: Path) -> None:
    here, missing = file_artifact(house, name="here"), file_artifact(house, name="missing")
    path = Store(root).obtain(here)
    path.touch()  # no stamp vouches for it now, and none can be written
    output, errors = child(root, here, house, before=(*READ_ONLY, str(root))).communicate()
    assert (output.strip(), errors) == (str(path), "")
    output, _ = child(root, missing, house, before=(*READ_ONLY, str(root))).communicate()
    assert output.startswith("error[E0304]: the store can't be used: Read-only file system")


def test_a_file_in_the_stores_place_is_told(house: Path, root: Path) -> None:
    root.write_text("I was here first")
    artifact = file_artifact(house)
    assert Store(root).locate(artifact) is None
    assert code_of(lambda: Store(root).obtain(artifact)) == "E0304"
    assert code_of(lambda: Store(root / "below").obtain(artifact)) == "E0304"


# The rest


def test_prune_removes_what_is_not_pinned_and_nothing_that_is_not_its_own(house: Path, root: Path) -> None:
    store = Store(root, transfer=Copying(house))
    old, kept = file_artifact(house, b"old"), tree_artifact(house)
    old_folder, kept_path = store.obtain(old).parent, store.obtain(kept)
    (root / "zig-cache").mkdir()
    (root / "artifacts" / "mine").mkdir()
    assert store.prune([kept], dry_run=True) == [old_folder]
    assert old_folder.is_dir()
    assert store.prune([kept]) == [old_folder]
    assert store.prune([kept]) == []
    assert not old_folder.exists()
    assert store.locate(kept) == kept_path
    assert (root / "zig-cache").is_dir()
    assert (root / "artifacts" / "mine").is_dir()


def test_prune_of_a_store_that_is_not_there(root: Path) -> None:
    assert Store(root).prune([]) == []
    assert not root.exists()


def test_holdings(house: Path, root: Path) -> None:
    store = Store(root, transfer=Copying(house))
    present, missing, damaged = (file_artifact(house, name=name) for name in ("present", "missing", "damaged"))
    store.obtain(present)
    store.obtain(damaged).write_bytes(b"")
    states = [holding.state for holding in store.holdings([present, missing, damaged])]
    assert states == [State.PRESENT, State.MISSING, State.DAMAGED]


def test_the_root_is_where_the_user_says_or_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOLOENZYME_CACHE", str(tmp_path))
    assert default_root() == Store().root == tmp_path
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOLOENZYME_CACHE", "here")
    assert default_root() == tmp_path / "here"
    for unset in ("", None):
        monkeypatch.setenv("HOLOENZYME_CACHE", unset) if unset is not None else monkeypatch.delenv("HOLOENZYME_CACHE")
        assert default_root().is_absolute()
        assert default_root().name == "holoenzyme"
