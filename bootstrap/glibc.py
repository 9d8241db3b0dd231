"""The C library of this machine, as far as programs of others depend on it."""

from __future__ import annotations

import os


def installed() -> str:
    """The C library of this process, such as `glibc 2.36`; empty when it is not glibc."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        return ""


def has(oldest: str) -> bool:
    """Whether a program that was built with glibc `oldest`, such as `2.28`, runs here."""
    name, _, version = installed().partition(" ")
    return name == "glibc" and numbers(version) >= numbers(oldest)


def numbers(version: str) -> list[int]:
    """The numbers of a version, such as 2.36; `packaging` would cost 10 ms, which a build with nothing to do has not."""
    return [int(each) for each in version.split(".") if each.isdecimal()]
