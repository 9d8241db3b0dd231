"""The project that is built, and the store with what builds it."""

import os
from pathlib import Path

import pytest

from bootstrap.config.model import Config
from bootstrap.store import Store
from plugin import toolchain
from plugin.engines.choice import Place
from plugin.languages import Language
from tests.bad_input.project import SQUARE, Project


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store, with what a build on this machine needs; what is missing is fetched, before HOME is another."""
    store = Store()
    config = Config.model_validate({"llvm": {"enzyme": True}})
    scratch = tmp_path_factory.mktemp("scratch")
    toolchain.assemble(config, Place(root=scratch, store=store, scratch=scratch, offline=False), {Language.C, Language.CXX}, links=True)
    return store.root


@pytest.fixture
def project(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with the source `u.c` and no configuration yet; HOME is empty, and no variable changes what is built."""
    for name in [name for name in os.environ if name.startswith(("HOLOENZYME_", "LC_", "LANG"))]:
        monkeypatch.delenv(name)
    for name in ("home", "project"):
        (tmp_path / name).mkdir()
    environment = {"HOME": str(tmp_path / "home"), "HOLOENZYME_CACHE": str(cache), "NO_COLOR": "1"}
    made = Project(root=tmp_path / "project", environment=environment)
    made.write("u.c", SQUARE)
    return made
