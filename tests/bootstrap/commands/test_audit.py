"""`audit`: each subject is a module with its own arguments, and takes the options of every command."""

import argparse

import pytest

import holoenzyme
from bootstrap.commands import audit
from bootstrap.diagnostics import Failure
from tests.bootstrap.commands.running import run


@pytest.mark.parametrize("subject", audit.SUBJECTS)
def test_each_subject_has_its_arguments(subject: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(audit, subject, "--help")
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "--format" in printed
    assert "--json" in printed


def test_global_options_may_stand_before_the_subject_and_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--json", "cfg"], ["cfg", "--json"]):
        assert run(audit, *words) == 0
        assert capsys.readouterr().out == "[]\n"


def test_a_subject_is_required() -> None:
    parser = holoenzyme.Parser(parents=[holoenzyme.global_options()], conflict_handler="resolve")
    audit.arguments(parser)
    with pytest.raises(Failure):
        parser.parse_args([], argparse.Namespace(**holoenzyme.DEFAULTS))
