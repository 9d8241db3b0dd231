"""Programs that were not written for this, from Debian's source packages: built through the stand-in they pass their own tests."""

import os
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from bootstrap.process import run
from tests import debian_source
from tests.plugin.wrap.project import CLANG, ROOT

pytestmark = pytest.mark.needs(CLANG, "make")

SOURCES = {
    "lua5.4": "164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61",
    "zlib": "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1",
}
"""Debian's source packages, and the digest of the upstream archive of each."""


def unpacked(package: str, folder: Path) -> Path:
    """The source of a package below `folder`; without it the test is skipped, or fails where HOLOENZYME_REQUIRE names `debian-src`."""
    archive = ROOT / "build" / "debian" / package / "source.tar"
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{archive}.lock"):
            if not archive.exists():
                debian_source.fetch(package, SOURCES[package], archive)
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        if "debian-src" in os.environ.get("HOLOENZYME_REQUIRE", "").split(","):
            raise
        pytest.skip(f"needs the source of {package}: {error}")
    debian_source.unpack(archive, folder)
    (found,) = folder.iterdir()
    return found


SCRIPT = """
local words = {}
for word in ("the quick brown fox"):gmatch("%a+") do words[#words + 1] = word:upper() end
table.sort(words)
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i ^ 2) end end)
local ok, message = pcall(error, {code = 7})
print(table.concat(words, " "), co() + co() + co(), string.format("%.3f", math.sin(1)), ok, message.code)
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
print(fib(20), #string.rep("x", 1000), select("#", table.unpack({}, 1, 5)))
"""


def test_lua(tmp_path: Path, stand_in_program: Path) -> None:
    source = unpacked("lua5.4", tmp_path / "lua")
    done = run(["make", "-s", "posix", "test", f"CC={stand_in_program}"], cwd=source)
    assert done.status == 0, done.stderr
    assert "Lua 5.4.4" in done.stdout
    (source / "script.lua").write_text(SCRIPT)
    assert run([source / "src" / "lua", "script.lua"], cwd=source).stdout == "BROWN FOX QUICK THE\t14.0\t0.841\tfalse\t7\n6765\t1000\t5\n"
    assert run([source / "src" / "luac", "-p", "script.lua"], cwd=source).status == 0


def test_zlib(tmp_path: Path, stand_in_program: Path) -> None:
    source = unpacked("zlib", tmp_path / "zlib")
    configured = run(["./configure"], cwd=source, env={"CC": str(stand_in_program)})
    assert configured.status == 0, configured.stdout
    assert "Building shared library libz" in configured.stdout
    done = run(["make", "test"], cwd=source)
    assert done.status == 0, done.stderr
    assert "zlib test OK" in done.stdout
    assert "zlib shared test OK" in done.stdout
