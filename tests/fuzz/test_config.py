"""Hostile configurations: never a traceback, never more than 2 s or 200 MB. `fuzz_config.py` beside this goes on by coverage."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.config import load
from bootstrap.config.toml import MAX_BYTES
from bootstrap.diagnostics import FORMATS, Failure, rendered

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests" / "data" / "config").glob("*.toml"))
SECONDS, MEGABYTES = 2.0, 200
FULL = MAX_BYTES - 200

LINES = (Path(__file__).parent / "pieces.txt").read_text(encoding="ascii").splitlines()
PIECES = [each.encode().decode("unicode_escape") for each in LINES]
"""Pieces of configurations, good and bad; an escape of Python's in the file is one character."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def survive(text: bytes, folder: Path) -> None:
    """Read it; whatever is wrong is a `Failure` whose forms can all be printed, in time."""
    path = folder / "config.toml"
    path.write_bytes(text)
    started = time.process_time()
    try:
        load(path, environment={})
    except Failure as failure:
        for form in FORMATS:
            rendered(failure.diagnostics, form).encode()
        assert failure.exit_status == 2  # noqa: PT017 - either way is fine
    assert time.process_time() - started < SECONDS


RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@RELAXED
@given(st.lists(st.sampled_from([*PIECES, "\n", " = ", "\n"]), max_size=30))
def test_words_of_toml_in_any_order(folder: Path, tokens: list[str]) -> None:
    survive(" ".join(tokens).encode(), folder)


@RELAXED
@given(st.text())
def test_any_text(folder: Path, text: str) -> None:
    survive(text.encode(), folder)


@RELAXED
@given(st.binary())
def test_any_bytes(folder: Path, raw: bytes) -> None:
    survive(raw, folder)


@RELAXED
@given(st.sampled_from(CASES), st.integers(0, 2000), st.sampled_from(PIECES), st.integers(0, 20))
def test_faulty_files_with_a_piece_exchanged(folder: Path, case: Path, at: int, token: str, length: int) -> None:
    text = case.read_text(encoding="utf-8")
    at = min(at, len(text))
    survive((text[:at] + token + text[at + length :]).encode(), folder)


HOSTILE = {
    "ten megabytes": b"a = 1\n" * (10 * (1 << 20) // 6),
    "ten thousand unknown keys": b"".join(b"key%d = 1\n" % number for number in range(10_000)),
    "as many unknown keys as there can be": b"".join(b"k%d=1\n" % number for number in range(25_000)),
    "many tables": b"".join(b"[unit.u%d]\nsources=[1]\n" % number for number in range(4_000)),
    "many arrays of tables": b"[[unit.u.autodiff]]\n" * 6_000,
    "as many arrays of tables as there can be": b"[[unit.u.autodiff]]\n" * 13_000,
    "many arrays of tables between others": b"".join(b"[[unit.u.autodiff]]\n[unit.v%d]\n" % number for number in range(3_500)),
    "a long list": b"cfg.set = [" + b"1," * (FULL // 2) + b"]",
    "many lists": b"".join(b"[unit.u%d]\nsources=[%s]\n" % (number, b"1," * 2000) for number in range(60)),
    "a long string": b'profile = "' + b"x" * FULL + b'"',
    "a long key": b"x" * FULL + b" = 1",
    "a long comment": b"#" * FULL,
    "deep arrays": b"a = " + b"[" * (FULL // 2) + b"]" * (FULL // 2),
    "arrays just not too deep": b"unit.a.verify = [{target = 'g', args = [" + b"[" * 90 + b"1" + b"]" * 90 + b"]}]",
    "deep inline tables": b"a = " + b"{a = " * (FULL // 5),
    "a deep key": b"a." * (FULL // 2) + b"a = 1",
    "a deep quoted key": b'"a".' * (FULL // 4) + b"a = 1",
    "a deep header": b"[" + b"a." * (FULL // 2) + b"a]",
    "many dotted keys": b"".join(b"a.b.c.d.e.f.g.h%d = 1\n" % number for number in range(5_000)),
    "a huge integer": b"build.jobs = " + b"9" * FULL,
    "a huge hexadecimal integer": b"build.jobs = 0x" + b"f" * FULL,
    "a huge integer where a word belongs": b"profile = 0x" + b"f" * FULL,
    "a huge exponent": b"unit.a.verify = [{target='g', args=[1e999999999]}]",
    "many quotes": b"a = " + b"'" * FULL,
    "many escapes": b'a = "' + b"\\u0041" * (FULL // 6) + b'"',
    "many line ends": b"\n" * FULL,
    "carriage returns": b"\r" * FULL,
    "many includes": b"include = [" + b'"none.toml",' * 20_000 + b"]",
    "many cfgs in one line": b"cfg.set = [" + b'"unix",' * 18_000 + b"]",
    "many conditions in one line": b"unit = {"
    + b"".join(b'u%d={sources=["n"],when="f%d"},' % (each, each) for each in range(3_500))[:-1]
    + b"}",
    "many conditions that cannot be read": b"".join(
        b'[unit.u%d]\nsources=["n"]\nwhen="all(unix,f%d"\n' % (each, each) for each in range(2_500)
    ),
    "NUL bytes": b"\0" * FULL,
}
CHILD = """
import json, re, resource, sys, time
from pathlib import Path
import holoenzyme
started = time.process_time()
status = holoenzyme.main(["check", "--json", "--config", sys.argv[1]])
seconds = time.process_time() - started
try:
    memory = int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024  # getrusage counts the parent's too
except OSError:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([status, seconds, memory]), file=sys.stderr)
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_time_and_memory(folder: Path, name: str) -> None:
    path = folder / "hostile.toml"
    path.write_bytes(HOSTILE[name])
    environment = {**{key: value for key, value in os.environ.items() if not key.startswith("HOLOENZYME_")}, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", CHILD, path], capture_output=True, text=True, check=True, env=environment, timeout=60)
    status, seconds, memory = json.loads(done.stderr.strip().splitlines()[-1])
    assert status in (0, 2)
    assert "Traceback" not in done.stderr
    assert len(done.stdout) < 2_000_000
    assert seconds < SECONDS
    assert memory < MEGABYTES * 1_000_000


def test_all_files_together_have_a_limit(folder: Path) -> None:
    for number in range(99):
        (folder / f"{number}.toml").write_bytes(b"#" * FULL)
    (folder / "config.toml").write_text(f"include = {[f'{number}.toml' for number in range(99)]}")
    started = time.process_time()
    with pytest.raises(Failure, match="all files of a configuration together"):
        load(None, environment={})
    assert time.process_time() - started < SECONDS
