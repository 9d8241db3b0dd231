"""The release channel: which features a toolchain may offer.

`stable` and `beta` refuse unstable features, `nightly` and `dev` allow them. `HOLOENZYME_BOOTSTRAP` changes that as RUSTC_BOOTSTRAP does
for rustc (`UnstableFeatures::from_environment`): `1` allows them everywhere, a comma-separated list of names for these units, `-1`
behaves as stable even on nightly; unset or empty leaves it to the channel.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "HOLOENZYME_BOOTSTRAP"
UNSTABLE = frozenset({"nightly", "dev"})
CHANNELS = ("stable", "beta", "nightly", "dev")
RELEASE = re.compile(r"^release: \S+?(?:-(\w+))?(?:\.\d+)?$", re.MULTILINE)
SECONDS = 10.0
"""How long rustc may take to say its version."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel and what the environment says about it; `reason` tells where the name came from."""

    name: str
    bootstrap: str = ""
    reason: str = ""

    def allows_unstable(self, unit: str | None = None) -> bool:
        """Whether unstable features may be used, by `unit` or, without one, by anything at all."""
        if self.bootstrap == "1":
            return True
        if self.bootstrap == "-1":
            return False
        if self.name in UNSTABLE:
            return True
        names = [name for name in self.bootstrap.split(",") if name]
        return unit in names if unit is not None else bool(names)


def resolve(name: str, *, root: Path, rustc: str = "rustc", environment: Mapping[str, str] = os.environ) -> Channel:
    """The channel that `[rust] channel = NAME` means; `auto-detect` asks the tree at `root`, then `rustc`."""
    bootstrap = environment.get(VARIABLE, "").strip()
    if name != "auto-detect":
        return Channel(name=name, bootstrap=bootstrap)
    found, reason = detect(root, rustc)
    return Channel(name=found, bootstrap=bootstrap, reason=reason)


def detect(root: Path, rustc: str) -> tuple[str, str]:
    """The channel of a rust tree (`src/ci/channel`) or of a compiler, and a phrase that says which; stable when neither is there."""
    from bootstrap.process import TimedOut, run  # noqa: PLC0415 - only `auto-detect` starts a process

    try:
        written = (root / "src" / "ci" / "channel").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        written = ""
    if written in CHANNELS:
        return written, "from src/ci/channel"
    try:
        version = run([rustc, "-vV"], seconds=SECONDS)
    except (OSError, ValueError, TimedOut):
        return "stable", f"no src/ci/channel, and `{rustc}` does not run"
    release = RELEASE.search(version.stdout)
    if version.status != 0 or not release:
        return "stable", f"no src/ci/channel, and `{rustc} -vV` names no release"
    return (release[1] if release[1] in CHANNELS else "stable"), f"from `{rustc} -vV`"
