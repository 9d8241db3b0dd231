"""The examples as a reader of the README builds them: each derivative agrees with central differences, and a second build does nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = {
    "rosenbrock": [],
    "gmm": [],
    "brusselator": [],
    "lorenz": ["rustc"],
    "square": [],
}


def holoenzyme(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-P", "-c", "import holoenzyme, sys; sys.exit(holoenzyme.main())", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.needs(*tools) if tools else ()) for name, tools in EXAMPLES.items()])
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an example, without anything that was built before."""
    return Path(shutil.copytree(ROOT / "examples" / request.param, tmp_path / request.param, ignore=shutil.ignore_patterns("build")))


def test_each_example_is_built_checked_and_then_left_alone(example: Path) -> None:
    done = holoenzyme("--json", "build", str(example), cwd=example.parent)
    assert done.returncode == 0, done.stderr
    [report] = json.loads(done.stdout)
    checked = {check["target"] for check in report["checks"]}
    assert checked == {each["target"] for each in report["derivatives"]}, "every derivative of an example is checked"
    assert all(check["error"] <= 1e-6 for check in report["checks"])
    assert {"frontend", "lower", "pre", "enzyme", "check", "post", "emit", "link", "verify"} <= set(report["seconds"])
    library = Path(report["output"])
    built = library.stat()
    again = holoenzyme("build", str(example), cwd=example.parent)
    assert again.returncode == 0
    assert f"{example.name} is up to date" in again.stdout
    assert library.stat() == built


def test_the_table_names_unit_derivative_difference_and_library(tmp_path: Path) -> None:
    example = shutil.copytree(ROOT / "examples" / "rosenbrock", tmp_path / "rosenbrock", ignore=shutil.ignore_patterns("build"))
    lines = holoenzyme("build", "rosenbrock", cwd=tmp_path).stdout.splitlines()
    assert lines[0].split() == ["unit", "derivative", "difference", "output"]
    unit, derivative, difference, output = lines[1].split()
    assert (unit, derivative) == ("rosenbrock", "rosenbrock_grad")
    assert float(difference) < 1e-9
    assert (tmp_path / output).is_file()
    assert (tmp_path / output).is_relative_to(example)
    assert re.fullmatch(r"rosenbrock: (\w+ \d+\.\d\d s, )+verify \d+\.\d\d s", lines[2])


PROGRAMS = {
    "fit_lorenz": [r"agrees with differences to [\d.]+e-0[6-9]", r"sigma (9\.9|10\.0)\d*, rho (27\.9|28\.0)\d*, beta 2\.6[67]"],
    "heat_source": [
        r"the measurement is met to [\d.]+e-0[3-9]",
        r"the peaks are at 0\.(29|30|31) and 0\.(69|70|71)",
        "heat_source.png is drawn",
    ],
    "newton": [r"minimum at \[1\. 1\. 1\. 1\. 1\.\]"],
    "train": [r"round 600: loss [\d.]+e-0[3-9]"],
}
"""The programs of examples/python, with what they print."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_of_python_does_what_it_says(name: str, tmp_path: Path) -> None:
    program = ROOT / "examples" / "python" / f"{name}.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-P", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for line in PROGRAMS[name]:
        assert re.search(line, done.stdout), done.stdout


def test_every_program_of_python_is_run() -> None:
    assert {each.stem for each in (ROOT / "examples" / "python").glob("*.py")} == set(PROGRAMS)


def test_the_readme_lists_every_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    folders = {each.name for each in (ROOT / "examples").iterdir() if (each / "config.toml").is_file()}
    assert folders == set(EXAMPLES)
    assert all(f"`examples/{name}`" in readme for name in folders)


def test_the_record_says_what_was_built_from_what(tmp_path: Path) -> None:
    example = Path(shutil.copytree(ROOT / "examples" / "square", tmp_path / "square", ignore=shutil.ignore_patterns("build")))
    assert holoenzyme("build", str(example), cwd=tmp_path).returncode == 0
    [record] = example.glob("build/*/square/square.json")
    data: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    step = data["steps"]["compile"]
    assert [each["path"] for each in step["inputs"] if each["sha256"]] == [str(example / "square.ll")]
    assert {Path(each["path"]).name for each in step["outputs"]} == {"libsquare.so", "square.h", "square.pc"}
    assert all(re.fullmatch("[0-9a-f]{64}", each["sha256"]) for each in step["outputs"])
