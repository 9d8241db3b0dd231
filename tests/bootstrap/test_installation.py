"""What installers say and what it is taken for; whole set-ups are in tests/test_door.py."""

import errno
from pathlib import Path

import pytest

from bootstrap import environment, installation
from bootstrap.diagnostics import Failure

UV_REFUSED = """
error: Request failed after 3 retries in 4.2s
  cause: Failed to fetch: https://index.example/simple/annotated-types/
  cause: error sending request for url (https://index.example/simple/annotated-types/)
  cause: client error (Connect)
  cause: dns error
"""
UV_CHANGED = """
error: Failed to download `typing-inspection==0.4.5`
  cause: Hash mismatch for `typing-inspection==0.4.5`

         Expected:
           sha256:0016c411e7930dc79596d42ab44672a3fe5f60eb34b781a1647e7872363120c7
"""
UV_NONE = """
error: No solution found when resolving dependencies
  cause: Because torch==1.0.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and you require torch==1.0.0
"""
UV_FULL = """
warning: Failed to hardlink files; falling back to full copy. This may lead to degraded performance.
error: Failed to install: pydantic_core-2.50.4-cp311-cp311-manylinux_2_17_x86_64.whl (pydantic-core==2.50.4)
  cause: failed to copy file: No space left on device (os error 28)
"""
PIP_RETRYING = """
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('[Errno -3] Temporary failure in name resolution')'
ERROR: No matching distribution found for filelock==4.2.10
"""
PIP_WHERE_FROM = """INDEX_URL EXTRA_INDEX_URL NO_INDEX FIND_LINKS TRUSTED_HOST PROXY CERT CLIENT_CERT DEFAULT_TIMEOUT CACHE_DIR CONFIG_FILE
    KEYRING_PROVIDER"""
UV_WHERE_FROM = "DEFAULT_INDEX INDEX_MINE_PASSWORD NATIVE_TLS SYSTEM_CERTS CACHE_DIR OFFLINE INSECURE_HOST"
PIP_WHERE_TO = "TARGET PREFIX ROOT USER PYTHON REQUIRE_VIRTUALENV DRY_RUN NO_DEPS NO_BINARY REQUIREMENT CONSTRAINT"


@pytest.mark.parametrize(
    ("words", "code", "note"),
    [
        (UV_REFUSED, "E0334", "dns error"),
        (UV_CHANGED, "E0335", "typing-inspection==0.4.5"),
        (UV_NONE, "E0336", "torch==1.0.0"),
        (UV_FULL, "E0333", "No space left"),
        (PIP_RETRYING, "E0334", "name resolution"),
        ("something else\nat the end", "E0337", "at the end"),
    ],
)
def test_the_words_of_an_installer_become_one_diagnostic(words: str, code: str, note: str) -> None:
    failure = installation.diagnosed(["/usr/bin/uv", "pip"], 2, words)
    (diagnostic,) = failure.diagnostics
    assert (diagnostic.code, failure.exit_status) == (code, 3)
    assert note in "\n".join(diagnostic.notes)
    assert diagnostic.help


def test_an_installer_that_a_signal_ended_is_named_with_it() -> None:
    (diagnostic,) = installation.diagnosed(["/usr/bin/uv"], -9, "").diagnostics
    assert diagnostic.message == "uv was ended by SIGKILL"


def test_an_installer_is_told_where_from_but_not_where_to(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [f"PIP_{name}" for name in PIP_WHERE_FROM.split()] + [f"UV_{name}" for name in UV_WHERE_FROM.split()] + ["HTTPS_PROXY"]
    dropped = [f"PIP_{name}" for name in PIP_WHERE_TO.split()] + ["UV_TARGET", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_CONSTRAINT"]
    dropped += ["PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS"]
    for name in kept + dropped:
        monkeypatch.setenv(name, "x")
    given = installation.surroundings()
    assert [name for name in kept if name not in given] == []
    assert [name for name in dropped if name in given] == []


def test_a_package_without_a_record_is_missed(tmp_path: Path) -> None:
    lock = "Typing_Extensions==4.16.0 \\\n    --hash=sha256:0\nrich==15.0.0 \\\ncolorama==0.4.6 ; sys_platform == 'win32' \\\n"
    records = [installation.packages(tmp_path) / f"{name}.dist-info" for name in ("typing_extensions-4.16.0", "rich-15.0.0")]
    for folder in records:
        folder.mkdir(parents=True)
        (folder / "RECORD").touch()
    installation.prove(tmp_path, lock)
    (records[1] / "RECORD").unlink()  # as a killed installer leaves it
    with pytest.raises(Failure, match=r"E0338\]: .* for rich 15\.0\.0"):
        installation.prove(tmp_path, lock)


def test_every_code_has_its_page() -> None:
    source = Path(environment.ROOT, "bootstrap", "installation.py").read_text()
    door = Path(environment.ROOT, "x.py").read_text()
    for code in (f"E{number:04}" for number in range(330, 340)):
        assert code in source + door
        page = Path(environment.ROOT, "bootstrap", "explain", f"{code}.md").read_text()
        assert page.startswith(f"# {code}: ")


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "E0333"), (errno.EDQUOT, "E0333"), (errno.EACCES, "E0332"), (errno.EROFS, "E0332")]
)
def test_what_the_system_refuses_is_told_apart(number: int, code: str) -> None:
    (diagnostic,) = installation.unwritable(OSError(number, "reason", "/some/file"), Path("/home")).diagnostics
    assert diagnostic.code == code
