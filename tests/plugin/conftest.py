"""The tools that the plugin's tests share: the pinned engine and Zig's clang, as on a machine that has no compiler of its own."""

import functools
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm_ir
import pytest

from bootstrap import llvm, process
from bootstrap.config.model import Config
from bootstrap.store import Store
from plugin import toolchain
from plugin.compile import CompileUnit, Linker, OutputKind
from plugin.engines.choice import Place
from plugin.engines.engine import Engine, EngineOptions
from plugin.items import lowering
from plugin.items.activity import AutoDiffItem, DiffActivity, DiffMode
from plugin.items.signature import Derivative
from plugin.languages import Language, driver
from plugin.toolchain import Toolchain

CLANG_LANGUAGES = frozenset({Language.C, Language.CXX})


def place(factory: pytest.TempPathFactory) -> Place:
    """Where engines are looked for, and a folder for what is made of them."""
    scratch = factory.mktemp("scratch")
    return Place(root=scratch, store=Store(), scratch=scratch, offline=False)


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    """What a build of C and C++ uses where nothing is on PATH; fetched when it is not in the store yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        config = Config.model_validate({"llvm": {"enzyme": True}})
        return toolchain.assemble(config, place(tmp_path_factory), CLANG_LANGUAGES, links=True)


@pytest.fixture(scope="session")
def driver_engine(tools: Toolchain) -> Engine:
    """The pinned driver."""
    assert tools.engine is not None
    return tools.engine


@pytest.fixture(scope="session")
def plugin_tools(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    """What a build uses with the pinned plugin: an LLVM 15 and a clang of this machine."""
    config = Config.model_validate({"llvm": {"enzyme": True}, "enzyme": {"provider": "pinned", "artifact": "plugin-15"}})
    return toolchain.assemble(config, place(tmp_path_factory), CLANG_LANGUAGES, links=True)


@pytest.fixture(scope="session")
def plugin_engine(plugin_tools: Toolchain) -> Engine:
    """The pinned plugin in the `opt` of an LLVM 15 of this machine."""
    assert plugin_tools.engine is not None
    return plugin_tools.engine


@pytest.fixture(scope="session", params=["driver", pytest.param("plugin", marks=pytest.mark.needs("opt-15", "clang-15"))])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine: what one does, the other does."""
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found


@pytest.fixture(scope="session")
def job(tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., CompileUnit]:
    """Makes a job for the unit `name` of the sources; each has a new folder unless the test gives one. What else it has can be given."""
    numbers = itertools.count()

    def make(name: str, sources: Sequence[Path], items: Sequence[AutoDiffItem] = (), **changes: Any) -> CompileUnit:
        folder = changes.pop("folder", None) or tmp_path_factory.mktemp(f"{name}{next(numbers)}")
        assert tools.linker is not None
        defaults: dict[str, Any] = {
            "kind": OutputKind.SHARED,
            "root": folder,
            "flags": (),
            "compilers": tools.compilers,
            "linker": Linker(compiler=tools.linker, cxx=None, flags=(), rustc=None),
            "engine": tools.engine,
            "engine_options": EngineOptions(strict_aliasing=False, loose_types=False),
            "newest_llvm": tools.newest_llvm,
            "runtime_activity": False,
            "cpu": "native",
            "triple": llvm.host_triple(),
            "callable_library": False,
            "environment": tools.environment,
        }
        return CompileUnit(name=name, folder=folder, sources=tuple(sources), items=tuple(items), **(defaults | changes))

    return make


@pytest.fixture(scope="session", params=["driver", pytest.param("plugin", marks=pytest.mark.needs("opt-15", "clang-15"))])
def each_engine(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a job needs to run with each engine, beside what it has by itself."""
    if request.param == "driver":
        return {}
    tools: Toolchain = request.getfixturevalue("plugin_tools")
    assert tools.linker is not None
    linker = Linker(compiler=tools.linker, cxx=None, flags=(), rustc=None)
    return {"engine": tools.engine, "compilers": tools.compilers, "linker": linker, "newest_llvm": tools.newest_llvm}


def asked(mode: DiffMode, source: str, target: str, inputs: str, ret: str, index: int = 0) -> AutoDiffItem:
    """An item, its activities as words."""
    activities = tuple(map(DiffActivity, inputs.split()))
    return AutoDiffItem(source=source, target=target, mode=mode, inputs=activities, ret=DiffActivity(ret), index=index)


@pytest.fixture(scope="session")
def reverse() -> Callable[..., AutoDiffItem]:
    """Makes an item in reverse mode from source, target, the words of the inputs, and the return."""
    return functools.partial(asked, DiffMode.REVERSE)


@pytest.fixture(scope="session")
def forward() -> Callable[..., AutoDiffItem]:
    """As `reverse`, in forward mode."""
    return functools.partial(asked, DiffMode.FORWARD)


@pytest.fixture(scope="session")
def shared_library(tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a shared library of C, with nothing of ours."""

    def compiled(text: str) -> Path:
        folder = tmp_path_factory.mktemp("library")
        (folder / "library.c").write_text(text, encoding="utf-8")
        command = [*driver(tools.compilers[Language.C], Language.C), "-O1", "-shared", "-fPIC", "library.c", "-lm", "-o", "library.so"]
        done = process.run(command, cwd=folder, env=tools.environment)
        assert done.status == 0, done.stderr
        return folder / "library.so"

    return compiled


@pytest.fixture(scope="session")
def derivative() -> Callable[..., Derivative]:
    """Makes the derivative of an item of a primal, both as words, with the signature that lowering would give it."""

    def made(item: AutoDiffItem, primal: str) -> Derivative:
        returns, _, parameters = primal.partition(" <- ")
        unit = llvm_ir.parse_assembly(
            f'target triple = "{llvm.host_triple()}"\ndefine {returns} @{item.source}({parameters}) {{\n unreachable\n}}'
        )
        [lowered] = lowering.lower(unit, [item])
        return lowered

    return made


@pytest.fixture(scope="session")
def makers(forward: Callable[..., AutoDiffItem], reverse: Callable[..., AutoDiffItem]) -> dict[str, Callable[..., AutoDiffItem]]:
    """Both, by the name of the mode."""
    return {"forward": forward, "reverse": reverse}
