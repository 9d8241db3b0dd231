"""`config`, `check` and `explain` as one calls them."""

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import holoenzyme
from bootstrap.config import read
from bootstrap.config.model import Config
from change_tracker import history, numbers
from tests.sarif import sarif_schema

Call = Callable[..., tuple[int, str, str]]
CONFIG = """\
profile = "dist"
include = ["site.toml"]

[rust]
channel = "nightly"  # for Enzyme

[unit.gmm]
sources = ["gmm.c"]
"""
SITE = "[llvm]\nenzyme = true\n[build]\njobs = 2\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("HOLOENZYME_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "site.toml").write_text(SITE)
    return tmp_path


@pytest.fixture
def call(folder: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    assert folder.is_dir()

    def _call(*words: str) -> tuple[int, str, str]:
        status = holoenzyme.main(list(words))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return _call


def test_get_prints_the_value_alone(call: Call) -> None:
    assert call("config", "get", "rust.channel") == (0, "nightly\n", "")
    assert call("config", "get", "llvm.enzyme") == (0, "true\n", "")
    assert call("config", "get", "unit.gmm.sources") == (0, '["gmm.c"]\n', "")
    assert call("config", "get", "unit.gmm.sources[0]") == (0, "gmm.c\n", "")


def test_get_with_origin_names_the_place_through_an_include_and_a_profile(call: Call) -> None:
    assert call("config", "get", "llvm.enzyme", "--origin")[1] == "true  # include site.toml:2:10\n"
    place = call("config", "get", "enzyme.provider", "--origin")[1]
    assert place.startswith("pinned  # profile dist ")
    assert place.endswith("dist.toml:5:12\n")
    assert call("config", "get", "build.jobs", "--origin", "--set", "build.jobs=3")[1] == "3  # --set build.jobs=3\n"
    assert call("config", "get", "enzyme.artifact", "--origin")[1] == "driver-22  # default\n"


def test_get_works_where_the_gates_say_no(call: Call, folder: Path) -> None:
    (folder / "config.toml").write_text("[llvm]\nenzyme = true\n")
    assert call("config", "get", "llvm.enzyme") == (0, "true\n", "")


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["get", "rust.chanel"], "E0204", "`rust.channel`"),
        (["get", "unit.gmn.kind"], "E0204", "`unit.gmm.kind`"),
        (["get", "target.aarch64-apple-darwin.cc"], "E0217", "config set"),
        (["get", "a b"], "E0200", "section.key"),
        (["list", "nope"], "E0204", "config list"),
        (["set", "llvm.enzyme", "maybe"], "E0203", "write `true` or `false`"),
        (["explain", "enzym.provider"], "E0204", "`enzyme.provider`"),
        (["get"], "E0200", "--help"),
        ([], "E0200", "--help"),
        (["diff", "none.toml"], "E0201", "setup"),
    ],
)
def test_a_wrong_call_says_what_to_do(call: Call, words: list[str], code: str, hint: str) -> None:
    status, out, err = call("config", *words)
    assert (status, out) == (2, "")
    assert f"error[{code}]" in err
    assert hint in err


def test_list_is_toml_and_can_show_only_what_changed(call: Call) -> None:
    status, out, _ = call("config", "list")
    assert status == 0
    Config.model_validate(tomllib.loads(out))
    changed = tomllib.loads(call("config", "list", "--changed")[1])
    assert changed["llvm"] == {"enzyme": True}
    assert "strict-aliasing" not in changed["enzyme"]
    assert call("config", "list", "llvm")[1] == "llvm.enzyme = true\nllvm.link-shared = true\n"
    assert "llvm.enzyme = true  # include site.toml:2:10\n" in call("config", "list", "--origin")[1]


def test_json_has_value_default_and_origin(call: Call, folder: Path) -> None:
    (entry,) = (each for each in json.loads(call("config", "list", "--json")[1]) if each["key"] == "llvm.enzyme")
    origin = {"layer": "include", "file": str(folder / "site.toml"), "line": 2, "column": 10}
    assert entry == {"key": "llvm.enzyme", "value": True, "default": False, "origin": origin}
    assert json.loads(call("config", "get", "llvm.enzyme", "--json")[1]) == entry
    assert json.loads(call("config", "get", "build.jobs", "--json", "--set", "build.jobs=3")[1])["origin"] == {
        "layer": "--set",
        "by": "build.jobs=3",
    }


@pytest.mark.parametrize(
    ("key", "first"),
    [("unit.later.kind", 'unit.later.kind = "shared"'), ("unit.later.autodiff.mode", "# unit.later.autodiff.mode is not set")],
)
def test_explain_knows_the_keys_of_a_unit_that_is_not_there_yet(call: Call, key: str, first: str) -> None:
    status, out, _ = call("config", "explain", key)
    assert (status, out.splitlines()[0]) == (0, first)
    assert call("config", "explain", "unit.later.nosuch")[0] == 2


def test_explain_shows_every_layer_below_the_winner(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLOENZYME_BUILD_JOBS", "5")
    assert call("config", "explain", "build.jobs", "--jobs", "7")[1].splitlines() == [
        "build.jobs = 7",
        "",
        "How many steps may run at once; 0: one for each core.",
        "Integer; default 0; since 0.1.0.",
        "",
        "-> flags --jobs                       7",
        "   environment HOLOENZYME_BUILD_JOBS  5",
        "   include site.toml:4:8              2",
        "   default                            0",
        "",
        "Variable: HOLOENZYME_BUILD_JOBS",
    ]
    layers = json.loads(call("config", "explain", "build.jobs", "--json")[1])["layers"]
    assert [(each["layer"], each["value"]) for each in layers] == [("environment", 5), ("include", 2)]


def test_diff_shows_both_sides(call: Call) -> None:
    status, out, _ = call("config", "diff", "site.toml", "config.toml", "--origin")
    assert status == 0
    assert '- rust.channel = "stable"  # default\n+ rust.channel = "nightly"  # file config.toml:5:11\n' in out
    assert '+ unit.gmm.sources = ["gmm.c"]' in out
    assert "unit.gmm.kind" not in out
    assert "llvm.enzyme" not in out
    assert call("config", "diff", "config.toml") == (0, "", "")
    (change,) = json.loads(call("config", "diff", "config.toml", "--json", "--set", "build.jobs=9")[1])
    assert (change["key"], change["old"]["value"], change["new"]["value"]) == ("build.jobs", 2, 9)


def test_set_changes_one_line_and_tells_it(call: Call, folder: Path) -> None:
    status, out, err = call("config", "set", "rust.channel", "dev")
    assert (status, out, err) == (0, 'config.toml: rust.channel = "dev" (was "nightly")\n', "")
    assert (folder / "config.toml").read_text() == CONFIG.replace('"nightly"', '"dev"')
    assert (folder / "config.toml.bak").read_text() == CONFIG
    change = json.loads(call("config", "set", "unit.gmm.kind", "ir", "--json")[1])
    assert change == {"file": str(folder / "config.toml"), "key": "unit.gmm.kind", "old": None, "new": "ir"}


def test_set_tells_what_is_wrong_now_and_stands(call: Call, folder: Path) -> None:
    status, _, err = call("config", "set", "rust.channel", "stable")
    assert status == 0
    assert "error[E0208]" in err
    assert 'channel = "stable"  # for Enzyme' in (folder / "config.toml").read_text()


def test_set_as_a_trial_shows_the_difference(call: Call, folder: Path) -> None:
    status, out, _ = call("config", "set", "build.jobs", "4", "--dry-run")
    assert status == 0
    assert "+[build]\n+jobs = 4\n" in out
    assert (folder / "config.toml").read_text() == CONFIG


def test_set_makes_the_named_file(call: Call, folder: Path) -> None:
    assert call("config", "set", "build.jobs", "4", "--config", "new.toml")[0] == 0
    assert (folder / "new.toml").read_text() == f"change-id = {numbers.latest()}\n\n[build]\njobs = 4\n"


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (("confg", "get"), ["COMMAND cannot be `confg`", "did you mean `config`?"]),
        (("config", "show"), ["ACTION cannot be `show`", "it is one of `list`, `get`,"]),
        (("--color", "sometimes", "check"), ["--color cannot be `sometimes`", "it is one of `auto`, `always`, `never`"]),
        (("config", "set", "build.jobs=4"), ["has no value", "config set build.jobs 4`"]),
        (("config", "set", "build.jobs"), ["has no value", "config set build.jobs VALUE`"]),
        (("config", "set", "build.jobs", "x"), ["expects an integer", "set by config set build.jobs x"]),
    ],
)
def test_what_is_typed_wrong_is_told_with_what_to_type(call: Call, words: tuple[str, ...], messages: list[str]) -> None:
    status, out, err = call(*words)
    assert (status, out) == (2, "")
    for message in messages:
        assert message in err


def test_who_has_no_file_is_told_how_to_get_one(call: Call, folder: Path) -> None:
    (folder / "config.toml").unlink()
    status, out, _ = call("check")
    assert status == 0
    assert "no configuration file: 0 keys set" in out
    assert "setup` writes one" in out


def test_check_tells_all_on_standard_output(call: Call, folder: Path) -> None:
    status, out, err = call("check")
    assert (status, err) == (0, "")
    assert "channel nightly: fine\n" in out
    assert f"change-id = {history.read().latest}" in out
    assert "warning[E0219]: `gmm.c` does not exist" in out
    (folder / "config.toml").write_text("a = 1\nb = 2\n")
    status, out, err = call("check")
    assert (status, err, out.count("error[E0204]")) == (2, "", 2)
    assert [each["span"]["line"] for each in json.loads(call("check", "--json")[1])] == [1, 2]
    assert call("check", "--format", "github")[1].startswith("::error file=config.toml,line=1,col=1,")
    log = json.loads(call("check", "--format", "sarif")[1])
    jsonschema.validate(log, sarif_schema())


def test_explain_prints_the_page(call: Call) -> None:
    assert call("explain", "E0203")[1].startswith("# E0203: a value has the wrong type\n")
    assert call("explain", "e203")[1] == call("explain", "203")[1] == call("explain", "E0203")[1]
    assert "E0203  a value has the wrong type\n" in call("explain")[1]
    status, _, err = call("explain", "E0233333")
    assert status == 2
    assert "did you mean `E0" in err


def test_schema_is_the_generated_file(call: Call) -> None:
    assert call("config", "schema")[1] == (Path(holoenzyme.__file__).parent / "docs/config.schema.json").read_text()


UNITS = st.dictionaries(
    st.sampled_from(["u", "a.b", "x-1"]),
    st.fixed_dictionaries(
        {"sources": st.lists(st.sampled_from(["a.c", "é b.c", 'q"'])).filter(bool)},
        optional={
            "kind": st.sampled_from(["ir", "shared"]),
            "flags": st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4), max_size=2),
            "verify": st.just([{"target": "g", "args": [1, 2.5, [1e-300, -0.0], {"count": 3}], "tolerance": 1e-9}]),
        },
    ),
    max_size=3,
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "change-id": st.integers(0, 9) | st.just("ignore"),
        "profile": st.sampled_from(["user", "dev", "dist"]),
        "llvm": st.fixed_dictionaries({}, optional={"enzyme": st.booleans(), "link-shared": st.booleans()}),
        "unit": UNITS,
        "target": st.dictionaries(st.sampled_from(["t", "x.y"]), st.fixed_dictionaries({}, optional={"cc": st.just("gcc")}), max_size=2),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(CONFIGS)
def test_the_minimal_file_alone_means_the_same(tmp_path: Path, data: dict[str, object]) -> None:
    import tomlkit  # noqa: PLC0415

    from bootstrap.config import view  # noqa: PLC0415

    full, small = tmp_path / "full.toml", tmp_path / "small.toml"
    full.write_text(tomlkit.dumps(data), encoding="utf-8")
    resolved = read(full, environment={})
    small.write_text(view.minimal(resolved), encoding="utf-8")
    again = read(small, environment={})
    assert again.config == resolved.config.model_copy(update={"profile": None})
    assert view.minimal(again) == small.read_text(encoding="utf-8")
    assert all(entry.is_changed for entry in view.entries(again) if entry.origin)


def test_the_minimal_configuration_as_json_is_that_of_the_file(call: Call, folder: Path) -> None:
    (folder / "config.toml").write_text('profile = "dev"\n[build]\njobs = 3\n', encoding="utf-8")
    shown = call("config", "minimal")[1]
    assert json.loads(call("--json", "config", "minimal")[1]) == tomllib.loads(shown)
    assert "jobs = 3" in shown
