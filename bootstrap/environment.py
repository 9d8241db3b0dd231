"""The environment of a checkout: where it is, whether it is complete, and how the running process takes it on.

An *environment* is a folder under build/ with the packages of a *lock*; its *stamp* is a copy of that lock, written last, which proves
that nothing is missing. x.py comes through here at every start, so this imports nothing but `os` and `sys`; what is done once, with
the whole standard library at hand, is in installation.py.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
"""The checkout."""

RUNTIME = "requirements.lock"
"""The lock of what holoenzyme imports."""

DEVELOPMENT = "requirements-dev.lock"
"""The lock of what `./x.py test` runs; it holds all that `RUNTIME` does, and gets an environment of its own."""

STAMP = "complete"
"""The name of the stamp in its environment."""


def location(lock: str = RUNTIME) -> str:
    """The folder of the environment for `lock`; each Python and platform has its own, named so that a person can tell them apart."""
    kind = "environment" if lock == RUNTIME else "development"
    python = f"{sys.implementation.cache_tag}{sys.abiflags}"
    platform = getattr(sys.implementation, "_multiarch", sys.platform)
    base = sys.base_prefix.strip("/").replace("/", "-")
    return f"{ROOT}/build/{kind}-{python}-{platform}-{base}"


def stamp_text(lock: str) -> bytes:
    """What the stamp for `lock` says: the place of the checkout, which an environment's scripts depend on, and the lock itself.

    Raises `OSError` when the lock cannot be read.
    """
    with open(f"{ROOT}/{lock}", "rb") as file:
        return b"# for " + os.fsencode(ROOT) + b"\n" + file.read()


def complete(lock: str = RUNTIME) -> bool:
    """Whether the environment holds all of `lock`. Comparing the texts is as quick as any digest, and needs no import."""
    try:
        with open(f"{location(lock)}/{STAMP}", "rb") as stamp:
            return stamp.read() == stamp_text(lock)
    except OSError:
        return False


def enter() -> None:
    """Make the environment when it is not complete, and continue in it. Exits with a diagnostic's status when it can't be made."""
    if not complete():
        if sys.argv[1:2] == ["explain"]:  # needs no package, and says what to do when the environment can't be made
            return
        from bootstrap import installation  # noqa: PLC0415 - only the first start pays for it

        status = installation.main()
        if status:
            sys.exit(status)
    if sys.prefix != location():
        activate(location())
    if sys.dont_write_bytecode:  # set in many containers to keep sources clean; without bytecode each start compiles all anew
        sys.dont_write_bytecode = False
        sys.pycache_prefix = f"{ROOT}/build/bytecode"


def activate(home: str) -> None:
    """Become the Python of the environment `home`, as if this process had been started with it.

    The environment's packages take the place of the base's and of the user's own, and children that run `sys.executable` start in
    the environment. Starting its Python anew instead would double the time to start; that is done only where a start-up hook of
    the base has imported a package that the environment has too, perhaps in another version.
    """
    for variable in ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__"):  # they would lead children past the environment
        os.environ.pop(variable, None)
    python = f"{home}/bin/python"
    library = os.path.dirname(os.__file__)
    packages = f"{home}/lib/{os.path.basename(library)}/site-packages"
    installed = set(os.listdir(packages))
    if sys.base_prefix != sys.base_exec_prefix or any(name in installed or f"{name}.py" in installed for name in sys.modules):
        os.execv(python, [python, *sys.orig_argv[1:]])
    standard = [entry for entry in sys.path if f"{entry}/".startswith(f"{library}/") and not entry.endswith("-packages")]
    sys.path[:] = [ROOT, *standard, packages]
    sys.prefix = sys.exec_prefix = home
    sys.executable = python
