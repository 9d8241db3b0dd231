"""Which artifact goes by a name on a platform: the pinned ones, read from artifacts.toml.

A *platform* is an operating system and a machine, such as `linux-x86_64`, as artifacts.toml spells them.
"""

from __future__ import annotations

import functools
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

from bootstrap import glibc
from bootstrap.artifact import Artifact, Content, File, Tree, Wheel
from bootstrap.diagnostics import Failure, fail, program

PINNED = Path(__file__).with_name("artifacts.toml")

SYSTEMS = {"linux": "linux", "darwin": "macos"}
"""Python's name of an operating system, and ours."""


def host_platform() -> str:
    """The platform of this machine, whether anything is pinned for it or not."""
    machine = os.uname().machine if hasattr(os, "uname") else "unknown"
    return f"{SYSTEMS.get(sys.platform, sys.platform)}-{machine}"


def artifacts(platform: str | None = None) -> list[Artifact]:
    """All that is pinned for a platform, by default this machine's; nothing is a valid answer."""
    wanted = platform or host_platform()
    return [_artifact(name, wanted) for name, pinned in _pinned().items() if wanted in _platforms(pinned)]


def artifact(name: str, platform: str | None = None) -> Artifact:
    """The artifact of this name for a platform, by default this machine's.

    Raises `Failure` E0305 (no such name), E0306 (not pinned for the platform, or not able to run on this machine).
    """
    if name not in _pinned():
        raise _unknown(name)
    pinned, wanted = _pinned()[name], platform or host_platform()
    if wanted not in _platforms(pinned):
        raise _unavailable(name, f"it is not pinned for {wanted}", f"pinned for: {', '.join(_platforms(pinned))}")
    if platform is None and (oldest := pinned[wanted].get("libc")) and not glibc.has(oldest):
        raise _unavailable(name, f"it needs glibc {oldest} or newer", f"this machine has {glibc.installed() or 'another C library'}")
    return _artifact(name, wanted)


def engines() -> list[str]:
    """The names of all that is pinned and runs Enzyme, for whatever platform."""
    return [name for name, pinned in _pinned().items() if pinned["role"] != "compiler"]


@functools.cache
def _pinned() -> dict[str, dict[str, Any]]:
    return tomllib.loads(PINNED.read_text(encoding="utf-8"))


def _platforms(pinned: dict[str, Any]) -> list[str]:
    return [key for key, value in pinned.items() if isinstance(value, dict)]


@functools.cache
def _artifact(name: str, platform: str) -> Artifact:
    common = _pinned()[name]
    here = common[platform]
    wheel = Wheel(
        **here["wheel"],
        platform=here["platform"],
        **{key: common[key] for key in ("distribution", "version", "python", "implementation", "abi")},
    )
    told = {key: common[key] for key in ("role", "purpose", "license", "parts", "llvm")}
    return Artifact(name=name, platform=platform, wheel=wheel, content=_content(common, here), **told)


def _content(common: dict[str, Any], here: dict[str, Any]) -> Content:
    if common["kind"] == "file":
        return File(member=common["member"], sha256=here["sha256"], size=here["size"])
    return Tree(
        prefix=common["prefix"],
        keep=(*common["keep"], *here["keep"]),
        executable=common["executable"],
        sha256=here["sha256"],
        size=here["size"],
        files=here["files"],
    )


def _unknown(name: str) -> Failure:
    import difflib  # noqa: PLC0415 - only an error needs it

    near = difflib.get_close_matches(name, _pinned())
    return fail(
        "E0305",
        f"there is no artifact `{name}`",
        notes=(f"pinned: {', '.join(_pinned())}",),
        help=(f"did you mean `{near[0]}`?" if near else f"`{program()} fetch --list` tells what each is for",),
    )


def _unavailable(name: str, why: str, known: str) -> Failure:
    return fail(
        "E0306",
        f"`{name}` is not available on this machine: {why}",
        notes=(known,),
        help=("use an LLVM, clang and Enzyme of the system instead",),
    )
