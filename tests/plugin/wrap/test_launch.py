"""`cc --launch` in front of a compiler that a build has chosen."""

import pytest

from tests.plugin.wrap.project import CLANG, Project


@pytest.mark.needs(CLANG)
def test_the_compiler_that_follows_does_the_work(project: Project, beside: Project) -> None:
    for words in ("--version", "-O2 -c plain.c", "-c wrong.c", "hello.c -o hello"):
        done, expected = project.stand_in("--launch", CLANG, *words.split()), beside.plain(*words.split())
        assert (done.status, done.stdout, done.stderr) == (expected.status, expected.stdout, expected.stderr)
    assert project.content() == beside.content()


@pytest.mark.parametrize(
    "compiler", [pytest.param(CLANG, marks=pytest.mark.needs(CLANG)), pytest.param("cc", marks=pytest.mark.needs("cc"))]
)
def test_a_derivative_comes_out(project: Project, compiler: str) -> None:
    project.made("--launch", compiler, "-O2", "main.c", "call.c", "-o", "program")
    assert project.output("program") == "12\n"


@pytest.mark.needs("cc")
def test_words_of_another_launcher_stay_before_the_compiler(project: Project) -> None:
    project.write({"logging": '#!/bin/sh\necho "$@" >> log\nexec "$@"\n'})
    (project.folder / "logging").chmod(0o755)
    project.made("--launch=1", "./logging", "cc", "-c", "plain.c")
    assert (project.folder / "log").read_text() == "cc -c plain.c\n"


@pytest.mark.needs("cc")
def test_a_word_of_ours_among_the_compilers_is_an_option(project: Project) -> None:
    done = project.stand_in("--launch", "cc", "--holoenzyme-set=enzyme.loose-typos=true", "-c", "plain.c")
    assert done.status == 2
    assert "enzyme.loose-typos" in done.stderr
    project.made("--launch", "cc", "--holoenzyme-set=enzyme.loose-types=true", "-c", "plain.c")


@pytest.mark.parametrize("words", [(), ("-c", "plain.c"), ("=1", "cc"), ("=x", "cc")])
def test_a_missing_compiler_is_told(project: Project, words: tuple[str, ...]) -> None:
    first = f"--launch{words[0]}" if words and words[0].startswith("=") else "--launch"
    done = project.stand_in(first, *words[first != "--launch" :])
    assert done.status == 4
    assert f"error[E0425]: `cc {first}` is followed by no compiler" in done.stderr
