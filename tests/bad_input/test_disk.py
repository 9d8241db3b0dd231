"""A disk that is full and a store that is read-only, as mounts that only the command sees."""

import os
from pathlib import Path

import pytest

from bootstrap.process import Completed
from bootstrap.store import Store
from plugin.engines.provider import artifact
from plugin.toolchain import ZIG_ARTIFACT
from tests.bad_input.project import SQUARE, VERIFY, Project, item

pytestmark = pytest.mark.needs("unshare")

INSIDE = ("unshare", "--map-root-user", "--mount", "sh", "-ec")
FULL_LATER = """
mount -t tmpfs -o size=8m none build
"$@"
before=$(cksum < $0)
cat /dev/zero > build/filler 2>/dev/null || true
echo '/* changed */' >> u.c
"$@" && exit 90 || status=$?
test "$(cksum < $0)" = "$before" || exit 91
rm build/filler
"$@" || exit 92
exit $status
"""


def with_room(project: Project, room: str) -> Completed:
    """A build whose folder is on a disk of this size."""
    (project.root / "build").mkdir(exist_ok=True)
    return project.start("build", before=[*INSIDE, f'mount -t tmpfs -o size={room} none build; exec "$@"', "sh"])


def test_a_disk_that_is_full_at_any_stage(project: Project) -> None:
    """What runs out of room first is the compiler, Enzyme, ourselves, the linker: it is said in the same way."""
    project.configure(item(), VERIFY, kind="shared")
    stages = []
    for pages in range(2, 40, 3):
        done = with_room(project, f"{4 * pages}k")
        stages.append(done.status)
        if done.status == 0:
            break
        assert done.status == 2, done.stderr
        assert f"error[E0238]: the disk is full (`{project.root / 'build'}" in done.stderr
        assert "build-dir" in done.stderr
    assert stages[-1] == 0
    assert len(stages) > 3, "several stages ran out of room"


def test_the_last_good_build_outlives_a_full_disk(project: Project) -> None:
    project.configure(item(), VERIFY, kind="shared")
    (project.root / "build").mkdir()
    done = project.start("build", before=[*INSIDE, FULL_LATER, str(project.library)])
    assert done.status == 2, done.stderr
    assert "error[E0238]" in done.stderr
    assert done.stdout.count("frontend") == 2


@pytest.fixture
def whole_store(cache: Path) -> Path:
    """The store, with Zig's compiler whatever else is on this machine."""
    Store(cache).obtain(artifact(ZIG_ARTIFACT))
    return cache


def test_a_store_that_is_read_only_is_as_good(project: Project, whole_store: Path) -> None:
    """With Zig too, which makes its C library when it first links."""
    project.configure(item(), VERIFY, kind="shared")
    script = 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; PATH=$1; shift; exec "$@"'
    for path in (os.environ["PATH"], "/nowhere"):
        project.write("u.c", f"{SQUARE}/* with what is on {path} */\n")
        done = project.start("build", before=[*INSIDE, script, str(whole_store), path])
        assert done.status == 0, done.stderr
