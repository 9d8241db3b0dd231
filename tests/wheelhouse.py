"""Wheels of our own making, artifacts pinned to them, and a process that obtains one: `python -m tests.wheelhouse ROOT FILE`.

A *wheelhouse* is a folder of wheels that pip takes for its index (`--find-links`).
"""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from bootstrap.artifact import Artifact, Entry, File, Tree, Wheel, file_digest, tree_digest
from bootstrap.diagnostics import Failure
from bootstrap.progress import Progress
from bootstrap.store import Store

ROOT = Path(__file__).parent.parent
PROGRAM, TEXT = 0o100755, 0o100644
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: py3-none-manylinux_2_17_x86_64\n"

TREE = {
    "compiler/run": (PROGRAM, b"#!/bin/sh\necho run\n"),
    "compiler/lib/a.h": (TEXT, b"#define A 1\n"),
    "compiler/lib/deep/b.h": (TEXT, b"#define B 2\n" * 100_000),
    "compiler/library/not-kept.h": (TEXT, b"its name only begins like that of lib\n"),
    "compiler/docs/manual.html": (TEXT, b"<p>not kept"),
}


def environment(folder: Path) -> dict[str, str]:
    """What makes pip take its wheels from `folder` and from nowhere else."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "HOLOENZYME_"))}
    return ours | {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def serve(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let pip take its wheels from `folder` and from nowhere else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name in ("PIP_CONFIG_FILE", "PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, environment(folder)[name])


def make_wheel(folder: Path, name: str, members: dict[str, tuple[int, bytes]]) -> Wheel:
    """Write a wheel of these members, each a mode and its bytes, that pip takes for one."""
    file = f"{name.replace('-', '_')}-1.0-py3-none-manylinux_2_17_x86_64.whl"
    about = f"{name.replace('-', '_')}-1.0.dist-info"
    with zipfile.ZipFile(folder / file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, (mode, data) in members.items():
            member = zipfile.ZipInfo(path)
            member.external_attr, member.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
        # with a date of their own, as all members: the same content is to be the same file whenever it is made
        for path, text in {"METADATA": METADATA.format(name=name), "WHEEL": WHEEL, "RECORD": ""}.items():
            archive.writestr(zipfile.ZipInfo(f"{about}/{path}"), text)
    return Wheel(
        distribution=name,
        version="1.0",
        file=file,
        sha256=file_digest(folder / file),
        size=(folder / file).stat().st_size,
        platform="manylinux_2_17_x86_64",
        python="3.11",
        implementation="py",
        abi="none",
    )


def pin(name: str, wheel: Wheel, content: File | Tree) -> Artifact:
    """An artifact with these parts."""
    return Artifact(
        name=name, platform="linux-x86_64", purpose="is tested", license="MIT", parts="none", llvm=22, wheel=wheel, content=content
    )


def file_artifact(folder: Path, data: bytes = b"#!/bin/sh\necho driver\n", name: str = "driver") -> Artifact:
    """An artifact of one file, its wheel in `folder`."""
    member = f"{name}.data/bin/{name}"
    wheel = make_wheel(folder, f"holoenzyme-{name}", {member: (PROGRAM, data), "other/read.me": (TEXT, b"not kept")})
    return pin(name, wheel, File(member=member, sha256=sha256(data).hexdigest(), size=len(data)))


def tree_artifact(folder: Path) -> Artifact:
    """An artifact of a tree, `TREE` without what its keep list leaves out, its wheel in `folder`."""
    wheel = make_wheel(folder, "holoenzyme-tree", TREE)
    kept = {path.removeprefix("compiler/"): TREE[path] for path in list(TREE)[:3]}
    digest = tree_digest(
        Entry(path=path, executable=mode == PROGRAM, sha256=sha256(data).hexdigest()) for path, (mode, data) in kept.items()
    )
    size = sum(len(data) for _, data in kept.values())
    return pin("tree", wheel, Tree(prefix="compiler", keep=("run", "lib"), executable="run", sha256=digest, size=size, files=3))


@dataclasses.dataclass(slots=True)
class Copying:
    """A `Transfer` that copies from a wheelhouse and counts how often."""

    folder: Path
    calls: int = 0

    def __call__(self, artifact: Artifact, folder: Path, shown: Progress) -> Path:
        """Bring the wheel."""
        self.calls += 1
        shown.begin("copying", artifact.wheel.size)
        return Path(shutil.copy(self.folder / artifact.wheel.file, folder))


def filling(artifact: Artifact, folder: Path, shown: Progress) -> Path:
    """A `Transfer` beside which somebody else fills the disk."""
    wheel = Copying(Path(os.environ["PIP_FIND_LINKS"]))(artifact, folder, shown)
    disk = os.statvfs(folder)
    (folder / "filler").write_bytes(b"x" * (disk.f_bavail * disk.f_frsize - 64 * 1024))
    return wheel


def stopping(artifact: Artifact, folder: Path, shown: Progress) -> Path:
    """A `Transfer` that stops its process when the wheel has come, until somebody lets it go on."""
    wheel = Copying(Path(os.environ["PIP_FIND_LINKS"]))(artifact, folder, shown)
    os.kill(os.getpid(), signal.SIGSTOP)
    return wheel


def child(root: Path, artifact: Artifact, folder: Path, *more: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A process that obtains `artifact` with the wheels of `folder`; it prints the path, or the code and message of what failed.

    `before` is a command to start it with, `more` the name of a transfer in this module.
    """
    described = folder / f"{artifact.key}.json"
    described.write_text(json.dumps(dataclasses.asdict(artifact)), encoding="utf-8")
    command = [*before, sys.executable, "-m", "tests.wheelhouse", str(root), str(described), *more]
    return subprocess.Popen(command, cwd=ROOT, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], object]) -> None:
    """Until it holds; fails after a while."""
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen")


def main(root: str, described: str, *transfer: str) -> int:
    """Obtain the artifact that a file describes."""
    fields = json.loads(Path(described).read_text(encoding="utf-8"))
    content = fields["content"]
    fields["content"] = Tree(**content | {"keep": tuple(content["keep"])}) if "keep" in content else File(**content)
    fields["wheel"] = Wheel(**fields["wheel"])
    try:
        print(Store(Path(root), transfer=globals()[transfer[0]] if transfer else None).obtain(Artifact(**fields)))  # noqa: T201
    except Failure as failure:
        print(failure)  # noqa: T201 - the test reads it
        return failure.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
