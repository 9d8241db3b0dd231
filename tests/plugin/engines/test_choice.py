"""Which engine a configuration gets, of what the pinned list, the configuration and a machine of our making offer."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import pytest

from bootstrap import glibc, llvm_tools
from bootstrap.config.model import Config, Target
from bootstrap.diagnostics import Failure
from bootstrap.store import Store
from plugin.engines import choice as engines
from plugin.engines import link, provider
from plugin.engines.choice import Candidate, Place
from plugin.engines.engine import EngineOptions, PluginEngine
from plugin.languages import Language
from plugin.toolchain import Modules

NO_LLVM = Target()


def config(**enzyme: Any) -> Config:
    return Config.model_validate({"llvm": {"enzyme": True}, "enzyme": enzyme})


def always(newest: int) -> str:
    """Modules of any LLVM can be had."""
    del newest
    return ""


@pytest.fixture
def llvms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts an LLVM of a version on PATH, which has nothing else; gives its `llvm-config`."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(provider, "host_platform", lambda: "linux-x86_64")

    def made(version: str) -> Path:
        folder = tmp_path / f"llvm-{version}" / "bin"
        folder.mkdir(parents=True)
        answers = {"opt": f"LLVM version {version}", "llvm-link": "", "llvm-config": str(folder)}
        for name, answer in answers.items():
            (folder / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        return folder / "llvm-config"

    return made


def names(asked: Config, target: Target = NO_LLVM, suits: Callable[[int], str] = always) -> dict[str, str]:
    """The candidates in order, each with the code of what keeps it from being used."""
    return {each.name: each.refusal.code if each.refusal else "" for each in engines.candidates(asked, target, Path(), suits)}


def test_auto_takes_the_newest_that_can_be_used(llvms: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(config()) == {"driver-22": "", "plugin-15": "E0406"}
    llvms("15.0.6")
    assert names(config()) == {"driver-22": "", "plugin-15": ""}
    monkeypatch.setattr(glibc, "has", lambda oldest: oldest == "2.32")
    assert names(config()) == {"driver-22": "E0306", "plugin-15": ""}
    assert engines.choose(engines.candidates(config(), NO_LLVM, Path(), always)).name == "plugin-15"


def test_auto_prefers_the_artifact_that_is_named(llvms: Callable[[str], Path]) -> None:
    llvms("15.0.6")
    assert names(config(artifact="plugin-15")) == {"plugin-15": "", "driver-22": ""}


def test_auto_prefers_the_llvm_that_is_named_and_what_is_installed_with_it(llvms: Callable[[str], Path]) -> None:
    target = Target.model_validate({"llvm-config": str(named := llvms("15.0.6"))})
    assert names(config(), target) == {"plugin-15": "", "driver-22": ""}
    installed = named.parents[1] / "lib" / "LLVMEnzyme-15.so"
    installed.parent.mkdir()
    installed.write_bytes(b"no plugin")
    assert names(config(), target) == {str(installed): "E0408", "plugin-15": "", "driver-22": ""}
    other = Target.model_validate({"llvm-config": str(llvms("14.0.6"))})
    assert names(config(), other) == {"driver-22": "", "plugin-15": "E0406"}


def test_auto_passes_over_an_llvm_that_is_older_than_the_modules(llvms: Callable[[str], Path]) -> None:
    target = Target.model_validate({"llvm-config": str(llvms("15.0.6"))})
    found = list(engines.candidates(config(), target, Path(), lambda newest: f"there is nothing of LLVM {newest}"))
    refusal = found[0].refusal
    assert refusal is not None
    assert (found[0].name, refusal.code, refusal.message) == ("plugin-15", "E0402", "it is LLVM 15, and there is nothing of LLVM 15")
    assert engines.choose(found).name == "driver-22"


def test_pinned_takes_what_is_named_or_nothing(llvms: Callable[[str], Path]) -> None:
    llvms("14.0.6")
    assert names(config(provider="pinned", artifact="plugin-15")) == {"plugin-15": "E0406"}
    with pytest.raises(Failure, match="E0406"):
        engines.choose(engines.candidates(config(provider="pinned", artifact="plugin-15"), NO_LLVM, Path(), always))


def test_a_name_that_is_misspelt_is_no_reason_to_take_another(llvms: Callable[[str], Path]) -> None:
    llvms("15.0.6")
    with pytest.raises(Failure, match="E0305"):
        engines.choose(engines.candidates(config(artifact="driver-99"), NO_LLVM, Path(), always))


def test_a_machine_without_any_is_told_all_reasons(llvms: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    llvms("14.0.6")
    monkeypatch.setattr(glibc, "has", lambda _: False)
    with pytest.raises(Failure, match="E0412") as caught:
        engines.choose(engines.candidates(config(), NO_LLVM, Path(), always))
    assert [note.partition(":")[0] for note in caught.value.diagnostics[0].notes] == ["driver-22", "plugin-15"]


def test_modules_are_as_new_as_what_writes_them(tmp_path: Path, llvms: Callable[[str], Path]) -> None:
    tools = llvms("15.0.6").parent
    for name, says in {"clang": "clang version 15.0.6", "rustc": "rustc 1.95.0\nLLVM version: 22.1"}.items():
        (tools / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (tools / name).chmod(0o755)
    (tmp_path / "new.bc").write_bytes(llvm.parse_assembly("").as_bitcode())
    c = Modules(target=NO_LLVM, languages={Language.C})
    assert (c.why_not(15), c.why_not(14)) == ("", "there is no clang for C that writes LLVM 14 or older")
    assert "writes LLVM 22" in Modules(target=NO_LLVM, languages={Language.RUST}).why_not(15)
    written = Modules(target=NO_LLVM, languages={Language.IR}, ir=[tmp_path / "new.bc", tmp_path / "none.ll"])
    assert (written.why_not(22), written.why_not(15)) == ("", "`new.bc` was written by a newer LLVM")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(root=tmp_path, store=Store(), scratch=tmp_path / "scratch", offline=False)


@pytest.mark.needs("opt-15")
@pytest.mark.parametrize("provider_", ["path", "url"])
def test_a_plugin_from_elsewhere_is_the_engine(place: Place, tmp_path: Path, provider_: str) -> None:
    pinned = place.store.obtain(provider.artifact("plugin-15"))
    if provider_ == "path":
        (tmp_path / "LLVMEnzyme-15.so").symlink_to(pinned)
        asked = config(provider="path", path="LLVMEnzyme-15.so")
    else:
        asked = config(provider="url", url=pinned.as_uri(), sha256=sha256(pinned.read_bytes()).hexdigest())
    place = Place(root=tmp_path, store=Store(tmp_path / "cache"), scratch=tmp_path / "scratch", offline=False)
    (tmp_path / "cache").mkdir()
    engine = engines.bring(engines.choose(engines.candidates(asked, NO_LLVM, tmp_path, always)), NO_LLVM, place)
    assert isinstance(engine, PluginEngine)
    assert (engine.llvm, engine.path.name) == (15, "LLVMEnzyme-15.so")
    module = tmp_path / "pre.ll"
    module.write_text(MODULE)
    assert engine.run(module, tmp_path, tmp_path, EngineOptions(strict_aliasing=False, loose_types=False)).is_file()


@pytest.mark.parametrize("words", ["Unknown command line argument '--enzyme-loose-types=false'.", "unknown pass name 'enzyme'"])
def test_a_plugin_that_is_no_enzyme_is_told(llvms: Callable[[str], Path], tmp_path: Path, words: str) -> None:
    opt = llvms("15.0.6").with_name("opt")
    opt.write_text(f'#!/bin/sh\necho "opt: {words}" >&2\nexit 1\n')
    engine = PluginEngine(path=tmp_path / "plugin.so", opt=opt, link=opt, llvm=15)
    with pytest.raises(Failure, match=r"E0408.*is no Enzyme, or an old one: it does not know .*'"):
        engine.run(tmp_path / "pre.ll", tmp_path, tmp_path, EngineOptions(strict_aliasing=False, loose_types=False))


def test_an_engine_of_an_llvm_that_is_newer_than_ours_is_refused(llvms: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"E0413.*LLVM 99.1.0"):
        engines.plugged(tmp_path / "plugin.so", llvm_tools.configured(str(llvms("99.1.0"))), tmp_path)


@pytest.mark.needs("opt-15")
def test_a_plugin_that_does_not_tell_its_llvm_runs_in_the_one_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "LLVMEnzyme.dylib").write_bytes(b"\xcf\xfa\xed\xfe" + bytes(28))
    with pytest.raises(Failure, match=r"E0409.*does not tell which LLVM"):
        engines.tools_for(tmp_path / "LLVMEnzyme.dylib", NO_LLVM)
    target = Target.model_validate({"llvm-config": str(llvm_tools.find(15).bin / "llvm-config")})
    assert engines.tools_for(tmp_path / "LLVMEnzyme.dylib", target).major == 15
    monkeypatch.setattr(link, "needs", pytest.fail)
    assert (
        engines.bring(
            Candidate(name="p", llvm=15, path=tmp_path / "LLVMEnzyme.dylib"),
            target,
            Place(root=tmp_path, store=Store(), scratch=tmp_path, offline=True),
        ).llvm
        == 15
    )


MODULE = """
define double @f(double %x) {
  %square = fmul double %x, %x
  ret double %square
}
define double @d(double %x) {
  %v = call double (...) @__enzyme_autodiff.d(ptr @f, metadata !"enzyme_out", double %x)
  ret double %v
}
declare double @__enzyme_autodiff.d(...)
"""
