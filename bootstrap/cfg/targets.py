"""The cfgs that a target sets: asked of rustc, or from a table that rustc made for the common triples.

`targets.json` has what `rustc --print cfg --target TRIPLE` said, without what flags decide; `python -m bootstrap.cfg.targets` makes it
anew, and a test compares it with the rustc that is there.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bootstrap.cfg.expression import Cfg, shown
from bootstrap.cfg.specification import parse_cfg
from bootstrap.diagnostics import fail
from bootstrap.files import write_atomically
from bootstrap.process import TimedOut, run

TABLE = Path(__file__).with_name("targets.json")
SECONDS = 30.0
"""How long rustc may take to print its cfgs."""
COMMON = (
    *(f"{arch}-unknown-linux-{libc}" for arch in ("aarch64", "x86_64") for libc in ("gnu", "musl")),
    *("armv7-unknown-linux-gnueabihf", "i686-unknown-linux-gnu", "loongarch64-unknown-linux-gnu", "powerpc64le-unknown-linux-gnu"),
    *("riscv64gc-unknown-linux-gnu", "s390x-unknown-linux-gnu", "x86_64-unknown-linux-gnux32"),
    *("aarch64-apple-darwin", "x86_64-apple-darwin", "aarch64-apple-ios", "aarch64-linux-android", "x86_64-unknown-freebsd"),
    *("aarch64-pc-windows-msvc", "i686-pc-windows-msvc", "x86_64-pc-windows-gnu", "x86_64-pc-windows-msvc"),
    *(
        "wasm32-unknown-unknown",
        "wasm32-wasip1",
        "wasm32-unknown-emscripten",
        "thumbv6m-none-eabi",
        "thumbv7em-none-eabihf",
        "x86_64-unknown-none",
    ),
)
NOT_OF_THE_TARGET = frozenset({"debug_assertions", "panic"})
"""What flags of rustc decide."""
DARWIN = re.compile(r"^(?:arm64|aarch64)(-apple-darwin)[\d.]*$|^(x86_64-apple-darwin)[\d.]*$")


def rustc_name(triple: str) -> str:
    """Rustc's name for a triple in LLVM's spelling."""
    match = DARWIN.match(triple)
    return triple if not match else match[2] or f"aarch64{match[1]}"


def of(triple: str, rustc: str | None = None) -> frozenset[Cfg]:
    """The cfgs of a target, from `rustc` where it is given and answers, else from the table. Raises `Failure` (E0253)."""
    name = rustc_name(triple)
    asked = ask(rustc, name) if rustc else None
    if asked is not None:
        return asked
    table = _table()["targets"]
    if name not in table:
        known = ", ".join(sorted(table))
        raise fail(
            "E0253",
            f"the cfgs of the target `{name}` are not known",
            notes=[f"known without rustc: {known}"],
            help=["install rustc, or name one in `[target.TRIPLE] rustc`"],
        )
    return parsed(table[name])


@functools.cache
def ask(rustc: str, triple: str) -> frozenset[Cfg] | None:
    """What `rustc --print cfg` says of a target; None when it does not know it, or is no rustc."""
    try:
        done = run([rustc, "--print", "cfg", "--target", triple], seconds=SECONDS, env={"RUSTC_ICE": "0"})
    except (OSError, ValueError, TimedOut):
        return None
    return parsed(done.stdout.splitlines()) if done.status == 0 else None


def parsed(lines: Iterable[str]) -> frozenset[Cfg]:
    """The cfgs of rustc's lines, without those that flags decide."""
    found = (parse_cfg(line, origin="rustc --print cfg") for line in lines if line.strip())
    return frozenset(each for each in found if each[0] not in NOT_OF_THE_TARGET)


def values(name: str) -> frozenset[str]:
    """The values of a cfg over every target of the rustc that made the table; empty for a name that no target sets."""
    return frozenset(_table()["values"].get(name, ()))


@functools.cache
def families() -> Mapping[str, frozenset[frozenset[str]]]:
    """By operating system: the families that its targets have, each combination of them once."""
    return {system: frozenset(frozenset(each.split()) for each in some) for system, some in _table()["families"].items()}


@functools.cache
def _table() -> Mapping[str, Mapping[str, list[str]]]:
    table: Mapping[str, Mapping[str, list[str]]] = json.loads(TABLE.read_bytes())
    return table


def generate(rustc: str = "rustc") -> str:
    """The text of the table, as `rustc` has it."""
    triples = run([rustc, "--print", "target-list"], seconds=SECONDS).stdout.split()
    with ThreadPoolExecutor() as pool:
        made = {triple: found for triple, found in zip(triples, pool.map(functools.partial(ask, rustc), triples), strict=True) if found}
    rows = {triple: [shown(each) for each in _sorted(made[triple])] for triple in COMMON if triple in made}
    listed: dict[str, list[str]] = {}
    systems: dict[str, set[str]] = {}
    for cfgs in made.values():
        system = next(value or "" for name, value in cfgs if name == "target_os")
        systems.setdefault(system, set()).add(" ".join(sorted(value or "" for name, value in cfgs if name == "target_family")))
    for name, value in _sorted(frozenset().union(*made.values())):
        if value is not None and name != "target_feature":
            listed.setdefault(name, []).append(value)
    kinds = {system: sorted(some) for system, some in sorted(systems.items())}
    return json.dumps({"targets": rows, "values": listed, "families": kinds}, indent=1) + "\n"


def _sorted(cfgs: Iterable[Cfg]) -> list[Cfg]:
    return sorted(cfgs, key=lambda cfg: (cfg[0], cfg[1] or ""))


if __name__ == "__main__":
    write_atomically(TABLE, generate(*sys.argv[1:2]))
