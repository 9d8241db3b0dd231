"""How the environment of a checkout is made: a venv of the standard library, filled by uv or pip with what a lock names.

Nothing here needs a package, for it runs before there are any. What can go wrong at any moment is met like this:

- the stamp is written last and taken away first, so an environment that was interrupted is never taken for whole; it is made anew;
- a lock file is held meanwhile, by the installer too: a second start waits, even for an installer whose parent was killed.
"""

import contextlib
import fcntl
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from bootstrap import environment
from bootstrap.console import console
from bootstrap.diagnostics import Failure, fail, text
from bootstrap.files import FULL, write_atomically

OPTIONS = ("--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement")
"""What uv and pip are both told: what the lock names, that exactly, and never to run a package's own build."""

PIP_OPTIONS = ("--no-input", "--no-warn-script-location", "--disable-pip-version-check")

WHERE_FROM = re.compile(r"(PIP|UV)_\w*(INDEX|LINKS|HOST|PROXY|CERT|TLS|TIMEOUT|RETRIES|CACHE|CONFIG|KEYRING|OFFLINE|USERNAME|PASSWORD)")
"""Variables that say where packages come from are the user's to set; the others of uv and pip would change what is done, or where to."""

UNREACHABLE = r"Connection|connect|Max retries|name resolution|dns error|timed out|ProxyError|SSLError|Failed to fetch|network"
SIGNS = (
    ("E0333", r"No space left|Disk quota|os error (28|122)\b", "no space is left on the disk"),
    ("E0335", r"DO NOT MATCH THE HASHES|[Hh]ash mismatch", "a package is not the one that the lock names"),
    ("E0334", UNREACHABLE, "the package index can't be reached"),
    ("E0336", r"[Nn]o matching distribution|No solution|no wheel|no version", "a package is not to be had for this Python and platform"),
)
"""What an installer's last words mean, the surest sign first: code, pattern, message."""

NOTES = 4
"""How many lines of an installer's words are shown."""

HELP = {
    "E0333": "free some space where the checkout, the temporary folder and the installer's cache are, and start again",
    "E0334": "check the network, or say how an index is reached: PIP_INDEX_URL, PIP_PROXY, PIP_CERT and pip's configuration count",
    "E0335": "clear the cache (`pip cache purge`, `uv cache clean`) and start again; if it stays, do not trust that index",
    "E0336": "use CPython 3.11 to 3.14, on Linux (glibc) or macOS, with an index that has the versions of the lock",
    "E0337": "see the words of the installer above; `-m pip --version` of this Python should work",
}


def main() -> int:
    """Make the environment of `environment.RUNTIME`; tells what goes wrong and gives the exit status."""
    console.verbosity = ("-v" in sys.argv) - ("-q" in sys.argv)  # the command line is read later, by what is installed here
    try:
        provide()
    except Failure as failure:
        for each in failure.diagnostics:
            sys.stderr.write(f"{text(each)}\n")
        return failure.exit_status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def provide(lock: str = environment.RUNTIME) -> None:
    """See to it that the environment holds all of `lock`: nothing is done when its stamp says that it does.

    Raises `Failure` (E0331 to E0339).
    """
    home = Path(environment.location(lock))
    if not Path(environment.ROOT, lock).is_file():
        raise fail("E0339", f"{environment.ROOT} has no {lock}: it is not a whole checkout", help=["get it back: `git checkout -- .`"])
    try:
        home.parent.mkdir(exist_ok=True)
        with held(Path(f"{home}.lock")) as guard:
            if not environment.complete(lock):
                make(home, lock, guard)
    except OSError as error:
        raise unwritable(error, home) from None


@contextlib.contextmanager
def held(path: Path) -> Iterator[int]:
    """Hold the lock file `path`, waiting for whoever has it; gives its descriptor. The system frees it when its last holder ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.status("waiting for another start that is making the environment")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def make(home: Path, lock: str, guard: int) -> None:
    """Make the environment `home` from `lock`, whatever is there, and stamp it."""
    started = time.monotonic()
    console.status(f"making {home.relative_to(environment.ROOT)} from {lock}")
    stamp = environment.stamp_text(lock)
    failure = fail("E0331", f"{sys.executable} has no pip, and there is no uv", help=[how_to_get_pip()])
    for installer in installers(home):
        create(home)
        try:
            install(installer, lock, guard)
            break
        except Failure as reason:
            failure = reason
    else:
        raise failure
    prove(home, stamp.decode())
    os.sync()  # what the stamp proves has to be on the disk before it
    write_atomically(home / environment.STAMP, stamp)
    console.status(f"made in {time.monotonic() - started:.1f} s")


def create(home: Path) -> None:
    """An empty environment in the place of whatever is there. Its Python finds the packages of the checkout from everywhere."""
    (home / environment.STAMP).unlink(missing_ok=True)
    if home.exists():
        shutil.rmtree(home)
    try:
        venv.EnvBuilder(symlinks=True, prompt="holoenzyme").create(home)
    except ValueError as error:
        raise fail("E0332", f"no environment can be made in {home}: {error}", help=["move the checkout to another folder"]) from None
    (packages(home) / "holoenzyme.pth").write_bytes(os.fsencode(environment.ROOT) + b"\n")


def packages(home: Path) -> Path:
    """Where the environment `home` has its packages."""
    return home / "lib" / Path(os.__file__).parent.name / "site-packages"


def installers(home: Path) -> Iterator[tuple[str, ...]]:
    """The commands that can install into the environment `home`, best first: uv, then this Python's pip, or the one it brings for venvs."""
    python = str(home / "bin" / "python")
    if uv := shutil.which("uv"):
        yield (uv, "pip", "install", "--compile-bytecode", "--python", python)
    if importlib.util.find_spec("pip"):
        yield (sys.executable, "-P", "-m", "pip", "--python", python, "install", *PIP_OPTIONS)
    elif wheel := bundled_pip():
        yield (python, "-P", f"{wheel}/pip", "install", *PIP_OPTIONS)


def bundled_pip() -> Path | None:
    """The wheel of pip that comes with the standard library's ensurepip, or None. pip runs right from its wheel."""
    spec = importlib.util.find_spec("ensurepip")
    if not spec or not spec.origin:
        return None
    folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), Path(spec.origin).parent / "_bundled")
    return next((wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))), None)


def how_to_get_pip() -> str:
    """The help of E0331."""
    return "run `apt-get install python3-venv`" if shutil.which("apt-get") else "run `python3 -m ensurepip`, or install uv"


def install(installer: Sequence[str], lock: str, guard: int) -> None:
    """Run `installer` for what `lock` names. Raises `Failure` with what its words mean.

    Not by `process.run`: the child gets less of our environment, not more, and keeps hold of the lock file.
    """
    command = [*installer, *OPTIONS, lock]
    console.command(command)
    try:
        done = subprocess.run(
            command, cwd=environment.ROOT, env=surroundings(), stdin=subprocess.DEVNULL, capture_output=True, pass_fds=[guard], check=False
        )
    except OSError as error:
        raise fail("E0337", f"{installer[0]} can't be started: {error.strerror}", help=[HELP["E0337"]]) from None
    if done.returncode:
        raise diagnosed(installer, done.returncode, (done.stdout + done.stderr).decode(errors="replace"))


def surroundings() -> dict[str, str]:
    """The variables for an installer: all of ours but those that would lead it, or its Python, somewhere else."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PIP_", "UV_", "__PYVENV")) or WHERE_FROM.match(name)
    }


def diagnosed(installer: Sequence[str], status: int, words: str) -> Failure:
    """The failure that an installer's `status` and `words` tell of, with the words that say it as notes."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    for code, pattern, message in SIGNS:
        places = [number for number, line in enumerate(lines) if re.search(pattern, line)]
        if places:
            return fail(code, message, notes=lines[places[-1] :][:NOTES], help=[HELP[code]])
    end = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    return fail("E0337", f"{Path(installer[0]).name} {end}", notes=lines[-NOTES:], help=[HELP["E0337"]])


def prove(home: Path, lock_text: str) -> None:
    """Raise E0338 unless the environment has a record of each package of the lock; those for some platforms only are not looked at."""
    present = {normal(folder.parent.stem) for folder in packages(home).glob("*.dist-info/RECORD")}
    wanted = re.findall(r"^([\w.-]+)==([^\s;]+)(?: \\)?$", lock_text, re.MULTILINE)
    missing = [f"{name} {version}" for name, version in wanted if normal(f"{name}-{version}") not in present]
    if missing:
        raise fail(
            "E0338",
            f"the installer has put nothing in {home} for {', '.join(missing)}",
            help=["look for `target`, `prefix`, `root` or `user` in the installer's configuration: `pip config list`"],
        )


def normal(name: str) -> str:
    """The name of a distribution, or of its record, in the one spelling that all tools agree on."""
    return re.sub(r"[-_.]+", "-", name).lower()


def unwritable(error: OSError, home: Path) -> Failure:
    """The failure for an operating system that won't let us write."""
    if error.errno in FULL:
        return fail("E0333", f"no space is left on the disk for {home}", help=[HELP["E0333"]])
    return fail(
        "E0332",
        f"{error.filename or home} can't be written: {error.strerror}",
        help=["become the owner of the folder, or copy the checkout to one that you can write"],
    )
