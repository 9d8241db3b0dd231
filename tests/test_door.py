"""x.py from outside: small checkouts whose locks name two tiny packages, started as a person would start them."""

import base64
import contextlib
import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap import environment
from bootstrap.process import Completed, run

ROOT = Path(__file__).parents[1]
PYTHON = Path(sys.executable).resolve()  # the base's, not the environment's, as on a bare machine

FRONT_DOOR = '''
"""Stands in for the command line: tells what it was started in, or does what the test asks for."""
import sys
modules = sorted(sys.modules)

def main() -> int:
    import json, subprocess
    words = sys.argv[1:]
    if words[:1] == ["exit"]:
        return int(words[1])
    if words[:1] == ["child"]:
        return subprocess.call([sys.executable, *words[1:]])
    state = dict(words=words, executable=sys.executable, prefix=sys.prefix, path=sys.path, modules=modules, process=len(sys.orig_argv))
    print(json.dumps(state))
    return 0
'''


def tiny_wheel(folder: Path, name: str, content: str) -> str:
    """Put version 1.0 of a distribution with one module into `folder`; gives its line in a lock."""
    files = {
        f"{name}.py": content,
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode() for path, text in files.items()}
    record = "".join(f"{path},sha256={digests[path]},{len(text.encode())}\n" for path, text in files.items())
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{name}-1.0.dist-info/RECORD": f"{record}{name}-1.0.dist-info/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


class Checkout:
    """A checkout to start x.py in."""

    def __init__(self, root: Path, wheels: Path) -> None:
        self.root = root
        self.wheels = wheels

    def start(self, *words: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> Completed:
        """Start x.py and wait for it."""
        return run([PYTHON, self.root / "x.py", *words], cwd=cwd or self.root.parent, env=env, seconds=120)

    def start_after(self, hook: str) -> Completed:
        """Start x.py in a Python that has run `hook` before."""
        door = str(self.root / "x.py")
        return run([PYTHON, "-c", f"{hook}; import runpy, sys; sys.argv[:] = [{door!r}]; runpy.run_path({door!r}, run_name='__main__')"])

    @contextlib.contextmanager
    def running(self, **env: str) -> Iterator[subprocess.Popen[str]]:
        """Start x.py without waiting for it."""
        command = [PYTHON, self.root / "x.py"]
        with subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            yield process

    def state(self, *words: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> dict[str, Any]:
        """Start x.py, which must go well; gives what the command line saw."""
        done = self.start(*words, cwd=cwd, env=env)
        assert done.status == 0, done.stderr
        state: dict[str, Any] = json.loads(done.stdout)
        return state

    @property
    def environment(self) -> Path:
        """The one environment that was made."""
        (made,) = (path for path in (self.root / "build").glob("environment-*") if path.is_dir())
        return made


@functools.cache
def path_without_uv() -> str:
    return os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if not Path(folder, "uv").exists())


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout that nothing was started in yet; packages come from a folder beside it."""
    for name in os.environ:
        if name.startswith(("PIP_", "UV_", "PYTHON")):
            monkeypatch.delenv(name)
    root, wheels, home = (tmp_path / name for name in ("checkout", "wheels", "home"))
    for folder in (root, wheels, home):
        folder.mkdir()
    surroundings = {"HOME": home, "PATH": path_without_uv(), "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": 1, "PIP_FIND_LINKS": wheels}
    for name, value in surroundings.items():
        monkeypatch.setenv(name, str(value))
    shutil.copy(ROOT / "x.py", root)
    shutil.copytree(ROOT / "bootstrap", root / "bootstrap", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "plugin" / "wrap").mkdir(parents=True)
    for name in ("__init__.py", "wrap/__init__.py", "wrap/door.py"):
        shutil.copy(ROOT / "plugin" / name, root / "plugin" / name)
    (root / "holoenzyme.py").write_text(FRONT_DOOR)
    lock = tiny_wheel(wheels, "cofactor", "ACTIVE = True\n")
    (root / "requirements.lock").write_text(lock)
    (root / "requirements-dev.lock").write_text(lock + tiny_wheel(wheels, "assay", ""))
    return Checkout(root, wheels)


def test_the_first_start_makes_the_environment_and_later_ones_say_nothing(checkout: Checkout, tmp_path: Path) -> None:
    first = checkout.start("exit", "0")
    assert first.status == 0, first.stderr
    assert "making build/environment-" in first.stderr
    assert first.stderr.splitlines()[-1].startswith("made in ")
    state = checkout.state("a", "-v", cwd=tmp_path)
    assert state["words"] == ["a", "-v"]
    assert checkout.start("a").stderr == ""
    assert checkout.start("exit", "5").status == 5


def test_a_page_can_be_read_before_there_is_an_environment(checkout: Checkout) -> None:
    assert checkout.state("explain", "E0334")["words"] == ["explain", "E0334"]
    assert not (checkout.root / "build").exists()


def test_a_later_start_imports_nothing_but_the_door_and_stays_in_its_process(checkout: Checkout) -> None:
    checkout.start()
    bare = run([PYTHON, "-c", "import sys; print(*sys.modules)"]).stdout.split()
    assert set(checkout.state()["modules"]) - set(bare) <= {
        "bootstrap",
        "bootstrap.environment",
        "plugin",
        "plugin.wrap",
        "plugin.wrap.door",
        "holoenzyme",
    }


def test_the_process_and_its_children_are_in_the_environment(checkout: Checkout, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "cofactor.py").write_text("ACTIVE = False\n")
    (stranger / "pip.py").write_text("raise SystemExit('not pip')\n")
    checkout.start()
    state = checkout.state(env={"PYTHONPATH": str(stranger)})
    assert Path(state["prefix"]) == checkout.environment
    assert Path(state["executable"]) == checkout.environment / "bin" / "python"
    assert not [entry for entry in state["path"] if entry.endswith("-packages") and not entry.startswith(str(checkout.root))]
    assert str(stranger) not in state["path"]
    words = "import cofactor, bootstrap, sys; print(cofactor.ACTIVE, bootstrap.__file__, sys.prefix)"
    child = checkout.start("child", "-c", words, cwd=stranger.parent, env={"PYTHONPATH": str(stranger)})
    assert child.stdout.split() == ["True", str(checkout.root / "bootstrap" / "__init__.py"), str(checkout.environment)]


def test_a_package_that_the_base_has_imported_already_is_not_kept(checkout: Checkout) -> None:
    """A start-up hook of the base can do that; the environment's Python is started anew then, once."""
    checkout.start()
    done = checkout.start_after("import sys, types; sys.modules['cofactor'] = types.ModuleType('cofactor'); print('started', flush=True)")
    assert done.status == 0, done.stderr
    assert done.stdout.count("started") == 2
    assert json.loads(done.stdout.splitlines()[-1])["prefix"] == str(checkout.environment)


def test_bytecode_goes_under_build_where_none_may_stand_beside_the_sources(checkout: Checkout) -> None:
    for _ in range(2):
        assert checkout.start("a", env={"PYTHONDONTWRITEBYTECODE": "1"}).status == 0
    assert not list(checkout.root.glob("__pycache__"))
    assert list((checkout.root / "build" / "bytecode").rglob("holoenzyme.*.pyc"))


def test_a_changed_lock_and_a_moved_checkout_get_an_environment_anew(checkout: Checkout, tmp_path: Path) -> None:
    checkout.start()
    (checkout.root / "requirements.lock").write_bytes((checkout.root / "requirements-dev.lock").read_bytes())
    assert "made in" in checkout.start("child", "-c", "import assay").stderr
    moved = Checkout(checkout.root.rename(tmp_path / "moved"), checkout.wheels)
    done = moved.start("child", "-c", "import bootstrap; print(bootstrap.__file__)", cwd=tmp_path)
    assert "made in" in done.stderr
    assert done.stdout.strip() == str(moved.root / "bootstrap" / "__init__.py")


def test_a_set_up_that_is_killed_at_any_moment_is_repaired(checkout: Checkout) -> None:
    started = time.monotonic()
    checkout.start()
    whole = time.monotonic() - started
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.98):
        shutil.rmtree(checkout.root / "build")
        with checkout.running() as process:
            time.sleep(whole * share)
            process.kill()
            process.communicate()
        assert checkout.start("child", "-c", "import cofactor; assert cofactor.ACTIVE").status == 0, f"killed after {share} of the time"


def test_two_starts_at_once_make_one_environment(checkout: Checkout) -> None:
    with checkout.running() as one, checkout.running() as other:
        said = [one.communicate()[1], other.communicate()[1]]
    assert [one.returncode, other.returncode] == [0, 0], said
    assert sum(words.count("made in") for words in said) == 1
    assert sum(words.count("waiting for another start") for words in said) == 1


def test_an_installer_that_outlives_its_killed_parent_is_waited_for(checkout: Checkout, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text("#!/bin/sh\ntouch started\nsleep 2\ntouch ended\n")
    (tools / "uv").chmod(0o755)
    with checkout.running(PATH=f"{tools}{os.pathsep}{os.environ['PATH']}") as process:
        while not (checkout.root / "started").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not (checkout.root / "ended").exists()
    done = checkout.start("child", "-c", "import cofactor")
    assert (done.status, (checkout.root / "ended").exists()) == (0, True)
    assert "waiting for another start" in done.stderr


PROVIDE = "from bootstrap import environment, installation; installation.provide(environment.DEVELOPMENT)"


def test_the_tools_of_development_get_an_environment_of_their_own(checkout: Checkout) -> None:
    checkout.start()
    done = checkout.start("child", "-c", f"{PROVIDE}; {PROVIDE}; print(environment.location(environment.DEVELOPMENT))")
    assert (done.status, done.stderr.count("made in")) == (0, 1), done.stderr
    assert run([f"{done.stdout.strip()}/bin/python", "-c", "import assay, cofactor, bootstrap"]).status == 0
    assert checkout.start("child", "-c", "import assay").status == 1


def test_tools_that_cannot_be_had_leave_the_environment_alone(checkout: Checkout) -> None:
    checkout.start()
    (checkout.wheels / "assay-1.0-py3-none-any.whl").unlink()
    assert checkout.start("child", "-c", PROVIDE).status == 1
    assert checkout.start().stderr == ""


def test_variables_that_would_lead_the_installer_elsewhere_do_not(checkout: Checkout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    strange = {
        "PIP_TARGET": str(elsewhere),
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_NO_BINARY": ":all:",
        "PIP_REQUIREMENT": "/nowhere.txt",
        "PIP_CONSTRAINT": "/nowhere.txt",
        "PYTHONPATH": str(elsewhere),
        "PYTHONWARNINGS": "error",
        "PYTHONUSERBASE": str(elsewhere),
    }
    done = checkout.start("child", "-c", "import cofactor", env=strange)
    assert done.status == 0, done.stderr
    assert not elsewhere.exists()


@pytest.mark.needs("uv")
def test_uv_is_taken_when_it_is_there(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the fixture has hidden uv
    uv = shutil.which("uv")
    assert uv
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").symlink_to(uv)
    env = {"PATH": f"{tools}{os.pathsep}{path_without_uv()}", "UV_OFFLINE": "1", "UV_FIND_LINKS": str(checkout.wheels)}
    env |= {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_TARGET": str(tmp_path / "elsewhere"), "UV_PYTHON": "2.7", "UV_NO_CONFIG": "1"}
    done = checkout.start("child", "-c", "import cofactor", env=env)
    assert done.status == 0, done.stderr
    (installer,) = checkout.environment.glob("lib/*/site-packages/cofactor-1.0.dist-info/INSTALLER")
    assert installer.read_text() == "uv"


def test_pip_steps_in_where_uv_fails(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "uv").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "uv").chmod(0o755)
    assert checkout.start("child", "-c", "import cofactor", env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}).status == 0


def refused(done: Completed, code: str, *words: str) -> None:
    """Hold a start that must have failed against the form that a failure has: one diagnostic, no traceback."""
    assert done.status == 3, done.stderr
    assert done.stderr.count("error[") == 1
    assert f"error[{code}]: " in done.stderr
    assert "Traceback" not in done.stderr
    for each in words:
        assert each in done.stderr


def test_no_network(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    done = checkout.start(env={"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"})
    refused(done, "E0334", "Connection refused", "PIP_INDEX_URL")


def test_a_package_that_is_not_there(checkout: Checkout) -> None:
    (checkout.wheels / "cofactor-1.0-py3-none-any.whl").unlink()
    refused(checkout.start(), "E0336", "cofactor==1.0")


def test_a_package_that_was_changed(checkout: Checkout) -> None:
    tiny_wheel(checkout.wheels, "cofactor", "ACTIVE = 'by someone else'\n")
    refused(checkout.start(), "E0335", "cofactor==1.0")
    assert not list(checkout.root.rglob("cofactor.py"))


def test_a_package_that_is_damaged(checkout: Checkout) -> None:
    wheel = checkout.wheels / "cofactor-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK but not a wheel")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (checkout.root / "requirements.lock").write_text(f"cofactor==1.0 --hash=sha256:{digest}\n")
    refused(checkout.start(), "E0337", "cofactor")


def test_packages_that_a_configuration_sends_elsewhere(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(f"[install]\ntarget = {tmp_path / 'elsewhere'}\n")
    refused(checkout.start(env={"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}), "E0338", "cofactor 1.0", "pip config list")


def test_a_lock_that_is_gone(checkout: Checkout) -> None:
    (checkout.root / "requirements.lock").unlink()
    refused(checkout.start(), "E0339", "requirements.lock")


def test_a_file_in_the_way(checkout: Checkout) -> None:
    (checkout.root / "build").write_text("")
    refused(checkout.start(), "E0332", str(checkout.root / "build"))


@pytest.mark.needs("unshare")
@pytest.mark.parametrize(
    ("mount", "code", "word"),
    [
        ("mount --bind {root} {root} && mount -o remount,ro,bind {root}", "E0332", "Read-only file system"),
        ("mkdir {root}/build && mount -t tmpfs -o size=16k none {root}/build", "E0333", "no space"),  # not enough for the venv
        ("mkdir {root}/build && mount -t tmpfs -o size=256k none {root}/build", "E0333", "No space left"),  # nor for the package
    ],
)
def test_a_disk_that_takes_nothing(checkout: Checkout, mount: str, code: str, word: str) -> None:
    (checkout.root / "requirements.lock").write_text(tiny_wheel(checkout.wheels, "cofactor", f"ACTIVE = {'1' * 1_000_000}\n"))
    script = mount.format(root=checkout.root) + ' && exec "$0" "$1"'
    done = run(["unshare", "--map-root-user", "--mount", "sh", "-c", script, PYTHON, checkout.root / "x.py"])
    refused(done, code, word)


def test_neither_pip_nor_uv(checkout: Checkout) -> None:
    done = checkout.start_after("import importlib.util; importlib.util.find_spec = lambda name: None")
    refused(done, "E0331", "apt-get install python3-venv" if shutil.which("apt-get") else "ensurepip")


def test_the_pip_that_comes_with_python_is_enough(checkout: Checkout) -> None:
    hidden = "import importlib.util; real = importlib.util.find_spec; importlib.util.find_spec = lambda name: name != 'pip' and real(name)"
    done = checkout.start_after(hidden)
    assert done.status == 0, done.stderr
    assert (checkout.environment / environment.STAMP).exists()


def test_an_old_python_is_told_what_it_lacks(checkout: Checkout) -> None:
    done = checkout.start_after("import sys; sys.version_info = (3, 10, 13)")
    assert done.status == 3
    assert done.stderr.splitlines() == [
        f"error[E0330]: holoenzyme needs Python 3.11 or newer, on Linux or macOS; this is Python 3.10.13 on {sys.platform} ({PYTHON})"
    ]


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8", "3.10"])
def test_a_python_that_really_is_old(version: str) -> None:
    versions = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    found = shutil.which(f"python{version}", path=os.pathsep.join(["/usr/bin", *map(str, versions.glob(f"{version}*/bin"))]))
    if not found:
        pytest.skip(f"needs python{version}")
    done = run([found, ROOT / "x.py", "build"])
    assert done.status == 3
    assert len(done.stderr.splitlines()) == 1
    assert "holoenzyme needs Python 3.11 or newer" in done.stderr
