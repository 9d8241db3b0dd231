"""Layers put together: who wins, where it came from, what is told."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.config import files, load, overrides, read, require_unit
from bootstrap.config.model import Config
from bootstrap.config.resolve import Resolved
from bootstrap.config.toml import KeyPath
from bootstrap.diagnostics import Diagnostic, Failure

Write = Callable[..., Path]


def told(path: Path | None = None, **arguments: Any) -> tuple[Diagnostic, ...]:
    with pytest.raises(Failure) as caught:
        load(path, **{"environment": {}, **arguments})
    return caught.value.diagnostics


def at(found: tuple[Diagnostic, ...]) -> list[tuple[str, str, int, int]]:
    return [(each.code, each.span.path.name, each.span.line, each.span.column) if each.span else (each.code, "", 0, 0) for each in found]


def quiet(path: Path | None = None, **arguments: Any) -> Resolved:
    return load(path, **{"environment": {}, **arguments})


def test_without_a_file_the_defaults_hold(folder: Path) -> None:
    resolved = quiet()
    assert resolved.config == Config()
    assert (resolved.file, resolved.root, resolved.origins, resolved.warnings) == (None, folder, {}, ())


def test_the_search_order(folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout, here = write("", "checkout/config.toml"), folder / "here"
    here.mkdir()
    write("", "checkout/x.py")
    monkeypatch.setattr(files, "CHECKOUT", checkout.parent)
    monkeypatch.chdir(here)
    assert quiet().file == checkout
    in_cwd = write("", "here/config.toml")
    assert quiet().file == in_cwd
    by_variable = write("", "variable.toml")
    environment = {"HOLOENZYME_CONFIG": str(by_variable)}
    assert load(None, environment=environment).file == by_variable
    by_option = write("", "option/config.toml")
    assert load(by_option, environment=environment).file == by_option
    assert load(by_option.parent, environment=environment).file == by_option


def test_a_folder_that_is_no_checkout_gives_no_configuration(write: Write, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    write("", "installed/config.toml")
    monkeypatch.setattr(files, "CHECKOUT", folder / "installed")
    assert quiet().file is None


def test_a_named_file_must_be_there(folder: Path, write: Write) -> None:
    write("", "empty/x")
    for path in (folder / "none.toml", folder / "empty"):
        (found,) = told(path)
        assert found.code == "E0201"
        assert "setup" in found.help[0]
    (found,) = told(environment={"HOLOENZYME_CONFIG": "none.toml"})
    assert found.notes == ("HOLOENZYME_CONFIG names it",)
    assert told(Path("a\0b"))[0].code == "E0202"


def test_a_dangling_link_is_not_passed_over(folder: Path) -> None:
    (folder / "config.toml").symlink_to("none")
    assert told()[0].code == "E0201"


STRONGEST_LAST = ["default", "profile", "include", "file", "environment", "--set", "flags"]


@pytest.mark.parametrize("strongest", range(len(STRONGEST_LAST)))
def test_the_order_of_the_layers(strongest: int, write: Write, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Each layer says its own number of jobs; with all layers up to one present, that one wins and the losers are kept in order."""
    monkeypatch.setattr(files, "PROFILES", folder / "profiles")
    present = STRONGEST_LAST[: strongest + 1]
    write(f"[build]\njobs = {'1' if 'profile' in present else '0'}\n" if "profile" in present else "", "profiles/base.toml")
    write("[build]\njobs = 2\n" if "include" in present else "", "site.toml")
    write("profile = 'base'\ninclude = ['site.toml']\n" + ("[build]\njobs = 3\n" if "file" in present else ""))
    environment = {"HOLOENZYME_BUILD_JOBS": "4"} if "environment" in present else {}
    options = ["build.jobs=5"] if "--set" in present else []
    flags: dict[KeyPath, int] = {("build", "jobs"): 6} if "flags" in present else {}
    resolved = load(None, overrides=options, environment=environment, flags=flags)
    assert resolved.config.build.jobs == strongest
    origins = resolved.origins.get(("build", "jobs"), ())
    assert [each.layer.source for each in origins] == list(reversed(present[1:]))
    assert [each.value for each in origins] == list(range(strongest, 0, -1))


def test_a_profile_starts_from_another(write: Write) -> None:
    write("profile = 'dist'\n")
    resolved = quiet()
    assert resolved.config.enzyme.provider == "pinned"
    assert [each.layer.name for each in resolved.origins["enzyme", "provider"]] == ["dist", "user"]


def test_the_strongest_layer_chooses_the_profile(write: Write) -> None:
    write("profile = 'dist'\n")
    assert quiet(environment={"HOLOENZYME_PROFILE": "dev"}).config.rust.channel == "dev"
    assert quiet(overrides=["profile=dev"], environment={"HOLOENZYME_PROFILE": "user"}).config.rust.channel == "dev"
    assert quiet(profile="dev", overrides=["profile=user"]).config.rust.channel == "dev"


def test_a_profile_that_is_not_there_names_the_near_one(write: Write) -> None:
    write("\nprofile = 'dve'\n")
    found = told()
    assert at(found) == [("E0206", "config.toml", 2, 11)]
    assert "did you mean `dev`?" in found[0].label
    (found_by_flag,) = told(profile="/etc/passwd")
    assert (found_by_flag.code, found_by_flag.span) == ("E0206", None)


def test_profiles_in_a_circle(write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PROFILES", folder / "profiles")
    write("profile = 'b'", "profiles/a.toml")
    write("profile = 'a'", "profiles/b.toml")
    write("profile = 'a'")
    (found,) = told()
    assert found.message == "a profile starts from itself: a -> b -> a"
    assert at((found,)) == [("E0210", "b.toml", 1, 11)]


def test_includes_are_relative_to_their_file_and_the_later_one_wins(write: Write) -> None:
    write("include = ['sub/a.toml', 'sub/b.toml']\n")
    write("include = ['c.toml']\n[build]\njobs = 1\nbuild-dir = 'a'\n[cfg]\nset = ['a']\n", "sub/a.toml")
    write("[build]\njobs = 2\n", "sub/b.toml")
    write("[build]\nbuild-dir = 'c'\n[cfg]\ncheck = ['c']\n", "sub/c.toml")
    config = quiet().config
    assert (config.build.jobs, config.build.build_dir, config.cfg.set, config.cfg.check) == (2, "a", ("a",), ("c",))


def test_includes_in_a_circle_name_the_way(write: Write) -> None:
    write("include = ['a.toml']\n", "config.toml")
    write("x = 1\ninclude = [\n  'b.toml']\n", "a.toml")
    write("include = ['./a.toml']\n", "b.toml")
    found = told()
    circle = next(each for each in found if each.code == "E0210")
    assert [Path(each).name for each in circle.message.partition(": ")[2].split(" -> ")] == ["a.toml", "b.toml", "a.toml"]
    assert at((circle,)) == [("E0210", "b.toml", 1, 12)]
    assert "E0204" in [each.code for each in found]


def test_a_file_that_includes_itself(write: Write) -> None:
    write("include = ['config.toml']\n")
    assert at(told()) == [("E0210", "config.toml", 1, 12)]


def test_a_file_included_twice_is_one_layer(write: Write) -> None:
    write("include = ['a.toml', 'b.toml']\n")
    write("include = ['c.toml']\n", "a.toml")
    write("include = ['c.toml']\n", "b.toml")
    write("[build]\njobs = 2\n", "c.toml")
    assert len(quiet().origins["build", "jobs"]) == 1


def test_many_includes_of_includes_end(write: Write) -> None:
    for number in range(40):
        write(f"include = ['{number + 1}.toml', '{number + 1}.toml']\n", f"{number}.toml")
    write("[build]\njobs = 2\n", "40.toml")
    started = time.monotonic()
    assert quiet(Path("0.toml")).config.build.jobs == 2
    assert time.monotonic() - started < 2
    for number in range(200):
        write(f"include = ['{number + 1}.toml']\n", f"{number}.toml")
    assert told(Path("0.toml"))[0].message == "more than 100 files are included"


def test_a_missing_include_points_at_its_name(write: Write) -> None:
    write("include = ['there.toml',\n  'none.toml', '.']\n")
    write("", "there.toml")
    assert at(told()) == [("E0201", "config.toml", 2, 3), ("E0202", "config.toml", 2, 16)]


FIVE = """\
profile = "user"
[llvm]
enzyme = "yes"
link_shared = true
[rust]
channel = "nightyl"
[build]
jobs = -1
[[unit.gmm.autodiff]]
source = "f"
"""


def test_every_fault_of_every_file_is_told_in_one_run_in_order(write: Write) -> None:
    write("include = ['b.toml', 'a.toml']\n" + FIVE)
    write("[llvm]\nenzyme = 1\n", "a.toml")
    write("[llvm\n", "b.toml")
    found = told()
    assert at(found) == [
        ("E0203", "config.toml", 4, 10),
        ("E0204", "config.toml", 5, 1),
        ("E0206", "config.toml", 7, 11),
        ("E0206", "config.toml", 9, 8),
        ("E0203", "a.toml", 2, 10),
        ("E0205", "b.toml", 1, 6),
    ]


def test_a_fault_in_a_value_that_lost_is_told_too(write: Write) -> None:
    write("include = ['a.toml']\n[build]\njobs = 2\n")
    write("[build]\njobs = 'x'\n", "a.toml")
    assert at(told(overrides=["build.jobs=3"])) == [("E0203", "a.toml", 2, 8)]


def test_missing_keys_point_at_their_table_wherever_it_was_opened(write: Write) -> None:
    write("include = ['a.toml']\n[unit.gmm]\nkind = 'ir'\n")
    write("[[unit.f.autodiff]]\nsource = 's'\n[[unit.f.autodiff]]\nsource = 's'\ntarget = 't'\nmode = 'reverse'\n", "a.toml")
    found = told()
    assert at(found) == [
        ("E0207", "config.toml", 2, 2),
        ("E0207", "a.toml", 1, 3),
        ("E0207", "a.toml", 1, 3),
        ("E0207", "a.toml", 1, 3),
        ("E0207", "a.toml", 1, 8),
        ("E0207", "a.toml", 3, 3),
    ]
    assert found[0].message == "`unit.gmm` lacks the key `sources`"


def test_a_required_key_may_come_from_any_layer(write: Write) -> None:
    write("include = ['a.toml']\n[unit.gmm]\nkind = 'ir'\n")
    write("[unit.gmm]\nsources = ['a.c']\n", "a.toml")
    assert quiet().config.unit["gmm"].sources == ("a.c",)
    assert quiet(overrides=["unit.gmm.sources=b.c"]).config.unit["gmm"].sources == ("b.c",)


def test_the_gate_names_both_places_and_the_remedy_works(write: Write) -> None:
    path = write("[rust]\nchannel = 'beta'\n[llvm]\nenzyme = true\n")
    (found,) = told()
    assert at((found,)) == [("E0208", "config.toml", 4, 10)]
    assert [(each.span.line, each.message) for each in found.related] == [(2, "the channel is set here")]
    assert quiet(environment={"HOLOENZYME_BOOTSTRAP": "1"}).config.llvm.enzyme
    assert quiet(overrides=["rust.channel=nightly"]).config.llvm.enzyme
    assert told(overrides=["rust.channel=nightly"], environment={"HOLOENZYME_BOOTSTRAP": "-1"})[0].code == "E0208"
    assert read(path, environment={}).config.llvm.enzyme


UNIT = "[[unit.gmm.autodiff]]\nsource = 'f'\ntarget = 'g'\nmode = 'reverse'\ninputs = []\n"


def test_a_unit_is_gated_when_it_turns_out_to_be_built(write: Write) -> None:
    write(f"[rust]\nchannel = 'nightly'\n[unit.gmm]\nsources = ['a']\nwhen = 'cfg(unix)'\n{UNIT}")
    resolved = quiet()
    with pytest.raises(Failure) as caught:
        require_unit(resolved, "gmm")
    (found,) = caught.value.diagnostics
    assert found.help == ("add `enzyme = true` under `[llvm]`",)
    require_unit(quiet(overrides=["llvm.enzyme=true"]), "gmm")


def test_auto_detect_asks_the_configured_rustc(write: Write, folder: Path) -> None:
    rustc = write("#!/bin/sh\necho release: 1.97.0-nightly\n", "rustc")
    rustc.chmod(0o755)
    write(f"[rust]\nchannel = 'auto-detect'\n[llvm]\nenzyme = true\n[target.x]\nrustc = '{rustc}'\n")
    assert quiet().channel.name == "nightly"
    assert quiet(folder).channel.reason == f"from `{rustc} -vV`"


def test_places_are_found_through_lists_and_names_with_dots(write: Write) -> None:
    head = "include = ['a.toml']\n[rust]\nchannel = 'nightly'\n[llvm]\nenzyme = true\n"
    write(head + "[unit.'a.b']\nsources = [\n 'x', 'y']\n" + UNIT.replace("gmm", '"a.b"'))
    write("[build]\njobs = 2\n", "a.toml")
    resolved = quiet(overrides=["enzyme.artifact=x"])

    def place(key: str) -> tuple[str, int, int] | None:
        span = resolved.span_of(key)
        return (span.path.name, span.line, span.column) if span else None

    assert place("unit.a.b.sources.1") == ("config.toml", 8, 7)
    assert place("unit.a.b.autodiff.0.mode") == ("config.toml", 12, 8)
    assert place("unit.a.b.autodiff.0.ret") == ("config.toml", 9, 3)
    assert place("unit.a.b.kind") == ("config.toml", 6, 2)
    assert place("build.jobs") == ("a.toml", 2, 8)
    assert place("build.build-dir") == ("a.toml", 1, 2)
    assert place("enzyme.artifact") is None
    assert place("cfg.set") is None
    origin = resolved.origin("enzyme.artifact")
    assert origin
    assert origin.name == "--set enzyme.artifact=x"


def test_ten_thousand_unknown_keys_are_told_quickly_and_briefly(write: Write) -> None:
    write("[llvm]\n" + "".join(f"key{number} = {number}\n" for number in range(10_000)))
    started = time.monotonic()
    found = told()
    assert time.monotonic() - started < 5
    assert len(found) == 101
    assert "9900 more faults" in found[0].message + found[-1].message


def test_the_environment_is_not_read_twice(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("")
    monkeypatch.setenv("HOLOENZYME_BUILD_JOBS", "7")
    assert load(None).config.build.jobs == 7
    assert load(None, environment={}).config.build.jobs == 0
    assert os.environ["HOLOENZYME_BUILD_JOBS"] == "7"


SECTIONS = {
    ("llvm", "enzyme"): st.booleans(),
    ("build", "jobs"): st.integers(0, 4096),
    ("build", "build-dir"): st.sampled_from(["x", "y/z"]),
    ("cfg", "set"): st.lists(st.sampled_from(["a", 'b="c"']), max_size=3),
    ("unit", "u", "sources"): st.lists(st.sampled_from(["a.c", "b,c"]), min_size=1, max_size=2),
    ("unit", "u", "kind"): st.sampled_from(["object", "ir"]),
}
LAYER = st.fixed_dictionaries({}, optional=SECTIONS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(LAYER, LAYER, LAYER, LAYER)
def test_the_law_of_the_layers(write: Write, included: Any, file: Any, environment: Any, options: Any) -> None:
    """Whatever the layers say: each key has the value of the strongest layer that gives it."""

    def lines(layer: Any) -> str:
        return "".join(f"{'.'.join(path)} = {json.dumps(value)}\n" for path, value in layer.items())

    file = {("unit", "u", "sources"): ["z"], **file}
    write("include = ['a.toml']\n" + lines(file))
    write(lines(included), "a.toml")
    variables = {overrides.Variables.name(path): json.dumps(value) for path, value in environment.items()}
    given_options = [f"{'.'.join(path)}={json.dumps(value)}" for path, value in options.items()]
    resolved = read(None, overrides=given_options, environment=variables)
    expected = {**included, **file, **environment, **options}
    values = resolved.config.model_dump(mode="json", by_alias=True)
    for path, value in expected.items():
        found = values
        for part in path:
            found = found[part]
        assert found == value
        origin = resolved.origin(path)
        assert origin
        layers = [("--set", options), ("environment", environment), ("file", file), ("include", included)]
        assert origin.layer.source == next(name for name, layer in layers if path in layer)


def test_a_pyproject_has_a_configuration_in_its_table(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text('[project]\nname = "kernels"\n[tool.holoenzyme.build]\njobs = 3\n')
    resolved = load(file, environment={})
    assert resolved.config.build.jobs == 3
    span = resolved.span_of("build.jobs")
    assert span is not None
    assert (span.line, span.column) == (4, 8)
    file.write_text('[tool.holoenzyme.build]\njobs = "three"\n')
    [(_, *place)] = at(told(file))
    assert place == ["pyproject.toml", 2, 8]


@pytest.mark.parametrize("text", ["", "[tool]\n", '[tool]\nholoenzyme = "on"\n', "[build]\njobs = 3\n"])
def test_a_pyproject_without_the_table_has_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert [each.code for each in told(tmp_path / "pyproject.toml")] == ["E0274"]


def test_a_pyproject_is_not_ours_to_write(tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        files.to_write(tmp_path / "pyproject.toml")
    assert [each.code for each in caught.value.diagnostics] == ["E0216"]
