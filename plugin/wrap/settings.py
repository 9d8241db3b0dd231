"""What a stand-in must know before it can step aside: the compiler behind it, and which sources have items.

It is worked out from the configuration and from what is on PATH (resolve.py), and kept in a file of the cache. The file's name comes
from its *key*, the words and variables that decide; in it stand the *states* of all that was read, files and the folders of PATH. While
these are as they were, no TOML is parsed. Imports next to nothing: every compilation comes through here.
"""

from __future__ import annotations

import binascii
import marshal
import os
import sys

TYPE_CHECKING = False  # importing typing takes longer than all that is done here
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

VARIABLES = ("PATH", "HOME", "XDG_CACHE_HOME", "RUSTC")
"""The variables that decide, besides those whose names begin with HOLOENZYME_."""

LAUNCHED = "--launched="
"""Begins a word among our options, written by launch.py: the compiler that a build has chosen, not the configuration."""

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


class Settings:
    """What is known of the compilers and the sources.

    `plain` has the words that start the compiler of each stand-in, `is_clang` whether it writes bitcode, `environment` what it needs
    besides ours. `sources` has the units of each source that is named by one with items. `key` and `path` tell the cache's file.
    """

    __slots__ = ("environment", "is_clang", "key", "path", "plain", "sources")

    def __init__(self, data: Mapping[str, Any], key: list[str], path: str) -> None:
        self.plain: dict[str, list[str]] = data["plain"]
        self.is_clang: dict[str, bool] = data["is_clang"]
        self.environment: dict[str, str] = data["environment"]
        self.sources: dict[str, list[str]] = data["sources"]
        self.key, self.path = key, path

    def units_of(self, source: str) -> list[str]:
        """The units with items that a source belongs to."""
        return self.sources.get(os.path.realpath(source), []) if self.sources else []


def find(options: Sequence[str]) -> Settings:
    """The settings for our options before the stand-in's name; worked out anew when they are not known. Raises what `resolve` raises."""
    key = key_of(options)
    path = f"{folder()}/{binascii.crc32(os.fsencode(chr(0).join(key))):08x}.settings"
    data = kept(path, key)
    if data is None:
        from plugin.wrap import resolve  # noqa: PLC0415 - brings the configuration's model

        data = resolve.settings(options, key, path)
    return Settings(data, key, path)


def kept(path: str, key: list[str]) -> Any:
    """What the cache's file says; None when it is not there, is of another key, or something that was read has changed."""
    try:
        with open(path, "rb") as file:
            data = marshal.load(file)  # noqa: S302 - this program wrote it, in a folder of its own
        return data if data["key"] == key and all(state_of(each[0]) == each for each in data["states"]) else None
    except (OSError, ValueError, EOFError, KeyError, TypeError, IndexError):
        return None


def key_of(options: Sequence[str]) -> list[str]:
    """What decides which settings these are: our options, the configuration file, the environment, and this holoenzyme itself."""
    own = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("HOLOENZYME_") or name in VARIABLES]
    return [ROOT, sys.executable, configuration(options), *options, *sorted(own)]


def configuration(options: Sequence[str]) -> str:
    """The configuration file that would be read, in the order of `bootstrap.config.files.locate`; whether it is good is found out there."""
    named = os.environ.get("HOLOENZYME_CONFIG", "")
    for index, word in enumerate(options):
        if word == "--config" and index + 1 < len(options):
            named = options[index + 1]
        elif word.startswith("--config="):
            named = word.partition("=")[2]
    if named:
        return os.path.abspath(named)
    places = [os.path.abspath("config.toml"), *([f"{ROOT}/config.toml"] if os.path.isfile(f"{ROOT}/x.py") else [])]
    return next((each for each in places if os.path.lexists(each)), "")


def state_of(path: str) -> tuple[str, int, int]:
    """The state of a file or folder: its path, its size and its time in nanoseconds; both are -1 where nothing is."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return path, -1, -1
    return path, found.st_size, found.st_mtime_ns


def folder() -> str:
    """Where settings are kept, below the folder that `bootstrap.store` chooses; without that one's imports."""
    if chosen := os.environ.get("HOLOENZYME_CACHE"):
        return os.path.abspath(os.path.expanduser(chosen)) + "/wrap"
    home = os.path.expanduser("~")
    usual = f"{home}/Library/Caches" if sys.platform == "darwin" else f"{home}/.cache"
    base = usual if sys.platform == "darwin" else os.environ.get("XDG_CACHE_HOME", "").strip() or usual
    return f"{base}/holoenzyme/wrap"
