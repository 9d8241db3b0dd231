"""`--set`, the environment and keys as one writes them."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.config import keys, overrides
from bootstrap.config.overrides import Variables
from bootstrap.config.toml import KeyPath
from bootstrap.diagnostics import Failure

NONE = Variables(units=[], targets=[])


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("llvm.enzyme", ("llvm", "enzyme")),
        (" profile ", ("profile",)),
        ("unit.gmm.autodiff.0.inputs", ("unit", "gmm", "autodiff", 0, "inputs")),
        ("unit.gmm.autodiff[0].inputs[1]", ("unit", "gmm", "autodiff", 0, "inputs", 1)),
        ('unit."a.b".kind', ("unit", "a.b", "kind")),
        ("unit.a.b.kind", ("unit", "a.b", "kind")),
        ("unit.a.b", ("unit", "a.b")),
        ("unit.0.kind", ("unit", "0", "kind")),
        ("target.thumbv8m.main-none-eabi.cc", ("target", "thumbv8m.main-none-eabi", "cc")),
        ("include.0", ("include", 0)),
    ],
)
def test_a_key_becomes_a_path(words: str, path: KeyPath) -> None:
    assert overrides.parse_key(words, ["a.b", "a", "thumbv8m.main-none-eabi"]) == path


@pytest.mark.parametrize("words", ["", " ", ".", "a.", "a b", "a=1\nb", "a\n[b]", "a.a" * 40, "[a]x", "'", "a = {b", "\ud800"])
def test_what_is_no_key_is_refused(words: str) -> None:
    with pytest.raises(Failure) as caught:
        overrides.parse_key(words)
    assert caught.value.diagnostics[0].code == "E0200"


@given(st.text(max_size=30))
def test_any_text_is_a_key_or_refused(words: str) -> None:
    with contextlib.suppress(Failure):
        assert overrides.parse_key(words)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("rust.channel", "nightly", "nightly"),
        ("rust.channel", '"nightly"', "nightly"),
        ("rust.channel", "nan", "nan"),
        ("build.jobs", "4", 4),
        ("build.jobs", "0x10", 16),
        ("build.build-dir", "1e5", "1e5"),
        ("build.build-dir", "1.0", "1.0"),
        ("build.build-dir", "true", "true"),
        ("build.build-dir", "/a b/c", "/a b/c"),
        ("llvm.enzyme", "true", True),
        ("llvm.enzyme", "tru", "tru"),
        ("llvm.enzyme", "1", 1),
        ("cfg.set", "a,b", ["a", "b"]),
        ("cfg.set", "a", ["a"]),
        ("cfg.set", "", []),
        ("cfg.set", '["a", \'s="x,y"\']', ["a", 's="x,y"']),
        ("change-id", "ignore", "ignore"),
        ("change-id", "7", 7),
        ("unit.u.sources", "a.c, b.c", ["a.c", "b.c"]),
        (
            "unit.u.autodiff",
            "[{source='f', target='g', mode='reverse', inputs=[]}]",
            [{"source": "f", "target": "g", "mode": "reverse", "inputs": []}],
        ),
        ("unit.u", "{kind = 'ir'}", {"kind": "ir"}),
        ("build.jobs", "4\n[rust]\nchannel='dev'", "4\n[rust]\nchannel='dev'"),
        ("build.jobs", "4\njobs=5", "4\njobs=5"),
        ("llvm.enzyme", "[" * 5000, "[" * 5000),
    ],
)
def test_the_model_types_a_value(key: str, text: str, value: Any) -> None:
    found = overrides.typed(overrides.parse_key(key), text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("given_words", "code", "message"),
    [
        (["x"], "E0200", "has no `=`"),
        (["=1"], "E0200", "is not a key"),
        (["include=a.toml"], "E0200", "only a file can include files"),
        (["build.jobs=1", "build.jobs=1"], "E0209", "`build.jobs` twice"),
        (["unit.u.kind=ir", "unit.u={kind='ir'}"], "E0209", "`unit.u` twice"),
        (["unit.u={kind='ir'}", "unit.u.kind=ir"], "E0209", "`unit.u.kind` twice"),
    ],
)
def test_a_wrong_option_is_refused(given_words: list[str], code: str, message: str) -> None:
    _, (found,) = overrides.from_options(given_words)
    assert found.code == code
    assert message in found.message


def test_options_keep_their_words_as_origin() -> None:
    layer, found = overrides.from_options(["build.jobs=4", "rust.channel=dev"])
    assert found == []
    assert layer
    assert layer.data == {"build": {"jobs": 4}, "rust": {"channel": "dev"}}
    assert layer.names == {("build", "jobs"): "build.jobs=4", ("rust", "channel"): "rust.channel=dev"}


def test_every_key_has_a_variable() -> None:
    known = Variables(units=["gmm"], targets=["my-target"]).known()
    assert known["HOLOENZYME_BUILD_BUILD_DIR"] == ("build", "build-dir")
    assert known["HOLOENZYME_CHANGE_ID"] == ("change-id",)
    assert known["HOLOENZYME_UNIT_GMM_LINK_FLAGS"] == ("unit", "gmm", "link-flags")
    assert known["HOLOENZYME_TARGET_MY_TARGET_CC"] == ("target", "my-target", "cc")
    assert known["HOLOENZYME_TARGET_X86_64_UNKNOWN_LINUX_GNU_CPU"] == ("target", "x86_64-unknown-linux-gnu", "cpu")
    plain = {each.path for each in keys.keys().values() if not each.is_table and keys.NAMED not in each.path}
    assert set(NONE.known().values()) >= plain - {("include",)}


def test_variables_are_a_layer() -> None:
    environment = {
        "HOLOENZYME_BUILD_JOBS": "3",
        "HOLOENZYME_CFG_SET": "a,b",
        "HOLOENZYME_BOOTSTRAP": "1",
        "HOLOENZYME_OTHER": "x",
        "PATH": "/",
    }
    layer, found = NONE.layer(environment)
    assert found == []
    assert layer
    assert layer.data == {"build": {"jobs": 3}, "cfg": {"set": ["a", "b"]}}
    assert layer.names[("build", "jobs")] == "HOLOENZYME_BUILD_JOBS"
    assert NONE.layer({"HOME": "/"}) == (None, [])


def test_a_misspelled_variable_is_an_error() -> None:
    layer, (found,) = NONE.layer({"HOLOENZYME_LLVM_ENZIME": "true"})
    assert layer is None
    assert found.code == "E0204"
    assert "`HOLOENZYME_LLVM_ENZYME`" in found.help[0]


def test_a_variable_of_a_unit_that_is_not_there_is_an_error() -> None:
    _, (found,) = NONE.layer({"HOLOENZYME_UNIT_GMM_KIND": "ir"})
    assert found.code == "E0204"
