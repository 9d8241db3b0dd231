"""The LLVMs of a machine: found on PATH or by their `llvm-config`, or told why not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap import llvm_tools
from bootstrap.diagnostics import Failure


@pytest.fixture
def llvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts a fake LLVM of a version into a folder of its own, with links to its `opt` and `llvm-config` on PATH."""
    (path := tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(path))

    def made(version: str, *, whole: bool = True) -> Path:
        major = version.partition(".")[0]
        folder = tmp_path / f"llvm-{version}" / "bin"
        folder.mkdir(parents=True)
        answers = {"opt": f"Debian LLVM version {version}", "llvm-config": str(folder), **({"llvm-link": ""} if whole else {})}
        for name, answer in answers.items():
            (folder / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
            (folder / name).chmod(0o755)
        (path / f"opt-{major}").symlink_to(folder / "opt")
        return folder

    return made


def test_those_on_path_are_found_the_newest_first(llvm: Callable[..., Path]) -> None:
    older, newer = llvm("9.0.1"), llvm("15.0.6")
    llvm("17.0.2", whole=False)
    assert [(each.major, each.version, each.bin) for each in llvm_tools.installed()] == [(15, "15.0.6", newer), (9, "9.0.1", older)]
    assert llvm_tools.find(9).opt == older / "opt"


def test_what_is_missing_is_told_with_what_is_there(llvm: Callable[..., Path]) -> None:
    with pytest.raises(Failure, match=r"E0406.*no LLVM 15 to run it in") as caught:
        llvm_tools.find(15)
    assert caught.value.diagnostics[0].notes == ("there is no `opt` on PATH",)
    llvm("14.0.6")
    with pytest.raises(Failure) as caught:
        llvm_tools.find(15)
    assert caught.value.diagnostics[0].notes == ("found: 14.0.6",)
    assert caught.value.exit_status == 4


def test_the_one_of_the_configuration_is_the_one(llvm: Callable[..., Path]) -> None:
    llvm("15.0.6")
    named = llvm("14.0.6")
    assert llvm_tools.find(14, str(named / "llvm-config")).bin == named
    with pytest.raises(Failure) as caught:
        llvm_tools.find(15, str(named / "llvm-config"))
    assert caught.value.diagnostics[0].notes == ("the configuration names LLVM 14.0.6",)


@pytest.mark.parametrize(("version", "why"), [(None, "is not there"), ("15.0.6", "names no folder with `opt`")])
def test_an_llvm_config_that_leads_nowhere_is_told(llvm: Callable[..., Path], tmp_path: Path, version: str | None, why: str) -> None:
    path = llvm(version, whole=False) / "llvm-config" if version else tmp_path / "no-such-file"
    with pytest.raises(Failure, match=rf"E0406\]: the LLVM of the configuration cannot be used: .*{why}"):
        llvm_tools.find(15, str(path))


@pytest.mark.needs("opt-15")
def test_a_real_one_shares_its_library() -> None:
    found = llvm_tools.find(15)
    assert found.version.startswith("15.")
    assert found.library is not None
    name, path = found.library
    assert name.startswith("libLLVM-15.so")
    assert path.is_file()
