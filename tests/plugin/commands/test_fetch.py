"""`fetch`: what it prints and gives; what it does is the store's, tests/bootstrap/test_store.py."""

import json
from pathlib import Path

import pytest

import holoenzyme
from bootstrap.artifact import Artifact
from bootstrap.store import Store
from plugin.engines import provider
from tests.wheelhouse import file_artifact, serve, tree_artifact


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Artifact]:
    """Two small artifacts in the place of the pinned ones, and an empty store."""
    (house := tmp_path / "wheelhouse").mkdir()
    serve(monkeypatch, house)
    monkeypatch.setenv("HOLOENZYME_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    artifacts = [file_artifact(house), tree_artifact(house)]
    by_name = {artifact.name: artifact for artifact in artifacts}
    monkeypatch.setattr(provider, "artifacts", lambda: artifacts)
    monkeypatch.setattr(provider, "artifact", by_name.__getitem__)
    return artifacts


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What was printed as JSON."""
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_without_a_name_all_are_fetched_and_told(pinned: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["fetch"]) == 0
    output, errors = capsys.readouterr()
    paths = [Store().locate(artifact) for artifact in pinned]
    assert None not in paths
    assert output.splitlines() == [f"driver     present  {paths[0]}", f"tree       present  {paths[1]}"]
    assert [line.partition(":")[0] for line in errors.splitlines()] == ["fetching driver 1.0", "fetching tree 1.0"]
    assert holoenzyme.main(["fetch"]) == 0
    assert capsys.readouterr() == (output, "")


def test_a_named_one_is_fetched_alone(pinned: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["fetch", "tree", "--json", "--quiet"]) == 0
    (record,) = records(capsys)
    assert (record["name"], record["state"], record["path"]) == ("tree", "present", str(Store().locate(pinned[1])))
    assert Store().locate(pinned[0]) is None


def test_the_list_says_what_each_is(pinned: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    Store().obtain(pinned[0])
    capsys.readouterr()
    assert holoenzyme.main(["fetch", "--list"]) == 0
    text = capsys.readouterr().out
    for word in (
        "driver     present  holoenzyme-driver 1.0, LLVM 22",
        "tree       missing",
        "licence  MIT",
        pinned[1].sha256,
        "is tested",
        "in 3 files",
    ):
        assert word in text
    assert holoenzyme.main(["fetch", "--list", "--json"]) == 0
    driver, tree = records(capsys)
    assert (driver["state"], tree["state"]) == ("present", "missing")
    assert tree["sha256"] == pinned[1].sha256
    assert {
        "name",
        "state",
        "path",
        "platform",
        "version",
        "llvm",
        "license",
        "parts",
        "purpose",
        "size",
        "files",
        "sha256",
        "wheel",
    } == set(tree)


def test_verify_finds_damage_and_fetch_mends_it(pinned: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    header = Store().obtain(pinned[1]) / "lib" / "a.h"
    assert holoenzyme.main(["fetch", "--verify"]) == 0
    header.write_text("#define A 9\n")
    assert holoenzyme.main(["fetch", "--verify", "--json"]) == 3
    output, errors = capsys.readouterr()
    assert "damaged" in output
    assert "error[E0310]: `tree` is not what was published" in errors
    assert holoenzyme.main(["fetch", "tree"]) == 0
    assert header.read_text() == "#define A 1\n"
    assert holoenzyme.main(["fetch", "--verify", "tree"]) == 0


def test_prune_removes_the_named_and_what_is_no_longer_pinned(
    pinned: list[Artifact], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Store().obtain(file_artifact(tmp_path / "wheelhouse", b"old"))
    file_artifact(tmp_path / "wheelhouse")
    assert holoenzyme.main(["fetch"]) == 0
    capsys.readouterr()
    assert holoenzyme.main(["fetch", "--prune", "--dry-run"]) == 0
    assert capsys.readouterr().out == f"would remove {old.parent}\n"
    assert old.is_file()
    assert holoenzyme.main(["fetch", "--prune", "tree", "--json"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)) == sorted([str(old.parent), str(tmp_path / "cache" / "artifacts" / pinned[1].key)])
    assert Store().locate(pinned[0])
    assert not Store().locate(pinned[1])


def test_a_dry_run_fetches_nothing(pinned: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["fetch", "--dry-run"]) == 0
    assert "would fetch driver 1.0" in capsys.readouterr().err
    assert not Store().root.exists()
    assert Store().locate(pinned[0]) is None


@pytest.mark.usefixtures("pinned")
def test_offline_is_an_error_of_the_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["fetch", "--offline"]) == 3
    assert "error[E0307]: `driver` is missing in the store" in capsys.readouterr().err


def test_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["fetch", "driver-23"]) == 3
    assert "error[E0305]: there is no artifact `driver-23`" in capsys.readouterr().err


def test_a_platform_for_which_nothing_is_pinned(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(provider, "host_platform", lambda: "plan9-mips")
    assert holoenzyme.main(["fetch", "--list"]) == 0
    assert capsys.readouterr().err == "nothing is pinned for this platform, plan9-mips\n"
