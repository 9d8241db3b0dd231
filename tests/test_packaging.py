"""What is built and what is pinned: the wheel's contents, and locks that do what pyproject.toml asks for."""

import configparser
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>\S+)(?: ; [^-]+)?(?P<digests>(?:\s+--hash=sha256:[0-9a-f]{64})+)")
FRESH = "docs/dependencies.md says how to make the locks fresh"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("holoenzyme-*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_packages_and_the_module_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "bootstrap", "change_tracker", "plugin", "holoenzyme.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert shipped == {name for name in tracked if (ROOT / name).is_file()}


def test_the_wheel_holds_the_data_that_the_code_reads(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    patterns = ("bootstrap/explain/*.md", "bootstrap/config/profiles/*.toml")
    data = [path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)]
    assert len([name for name in data if name.endswith(".md")]) > 9
    assert [name for name in [*data, "plugin/engines/artifacts.toml"] if name not in names] == []


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    scripts = configparser.ConfigParser()
    scripts.optionxform = str  # type: ignore[assignment,method-assign]
    scripts.read_string(wheel.read(f"{folder}/entry_points.txt").decode())
    assert scripts.sections() == ["console_scripts", "cmake.root", "setuptools.finalize_distribution_options"]
    assert dict(scripts["cmake.root"]) == dict.fromkeys(("Enzyme", "holoenzyme"), "plugin.wrap.cmake")
    names = ("holoenzyme", "holoenzyme-c++", "holoenzyme-cc", "holoenzyme-rustc")
    assert dict(scripts["console_scripts"]) == dict.fromkeys(names, "plugin.wrap.door:main")
    metadata = wheel.read(f"{folder}/METADATA").decode()
    assert "Requires-Python: >=3.11\n" in metadata
    assert "License-Expression: Apache-2.0\n" in metadata
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()


def pins(lock: str) -> dict[str, list[tuple[Version, int]]]:
    """The packages of a lock, each with its versions, one for each marker, and the number of their digests."""
    found: dict[str, list[tuple[Version, int]]] = {}
    for entry in (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if entry.startswith("#"):
            continue
        matched = PIN.fullmatch(entry.strip())
        assert matched, f"{lock}: not a pinned package with digests: {entry}"
        pin = (Version(matched["version"]), matched["digests"].count("--hash"))
        found.setdefault(canonicalize_name(matched["name"]), []).append(pin)
    return found


RUNTIME = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["audit"]]
DEVELOPMENT = [*RUNTIME, *PROJECT["dependency-groups"]["dev"], *PROJECT["build-system"]["requires"]]


@pytest.mark.parametrize(("lock", "requirements"), [("requirements.lock", RUNTIME), ("requirements-dev.lock", DEVELOPMENT)])
def test_a_lock_satisfies_pyproject(lock: str, requirements: list[str]) -> None:
    locked = pins(lock)
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{lock} lacks {requirement}; {FRESH}"
        versions = [version for version, _ in locked[name]]
        assert any(map(requirement.specifier.contains, versions)), f"{lock} has {name} {versions}, not {requirement}; {FRESH}"


def test_development_has_all_of_the_runtime_in_the_same_versions() -> None:
    development = pins("requirements-dev.lock")
    assert {name: pin for name, pin in pins("requirements.lock").items() if development.get(name) != pin} == {}


def test_binary_packages_are_pinned_for_more_than_one_platform() -> None:
    locked = pins("requirements-dev.lock")
    for name in ("llvmlite", "pydantic-core", "ruff", "mypy"):
        assert locked[canonicalize_name(name)][0][1] > 4


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
