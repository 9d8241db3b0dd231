"""`cc` and `c++`: which way each command takes, and each source in it.

A source that does not name `__enzyme_` and has no items goes to the compiler as it came. What comes out is looked at: a call of
Enzyme's that a header or a macro brought is a symbol there, and then the source goes the other way after all.
"""

from __future__ import annotations

import os
import stat
import sys

from plugin.wrap import child
from plugin.wrap.arguments import Group, Invocation
from plugin.wrap.settings import Settings, find

ENZYME = b"__enzyme_"
"""What is in the name of every function that Enzyme's pass looks for."""

BITCODE = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
STDOUT = ("-", "/dev/stdout")


def main(options: list[str], name: str, words: list[str]) -> int:
    """Do what the compiler would do with these words, and derivatives; gives the exit status."""
    with Scratch() as scratch:
        return child.end_as(StandIn(options, name, find(options), scratch).run(words))


class Scratch:
    """A temporary folder, made when it is first asked for, and kept afterwards where `keep` says that somebody is to look into it."""

    def __init__(self) -> None:
        self._path, self.keep, self._count = "", False, 0

    def __enter__(self) -> Scratch:  # noqa: PYI034 - Self is in typing, which takes long to import
        return self

    def __exit__(self, *_: object) -> None:
        if self._path and not self.keep:
            import shutil  # noqa: PLC0415 - most commands have no scratch

            shutil.rmtree(self._path, ignore_errors=True)

    def file(self, name: str) -> str:
        """A path of its own for a file of that name."""
        if not self._path:
            import tempfile  # noqa: PLC0415 - most commands have no scratch

            self._path = tempfile.mkdtemp(prefix="holoenzyme-")
        self._count += 1
        return f"{self._path}/{self._count}-{os.path.basename(name)}"


class StandIn:
    """Stands for the compiler `name` with our `options`, the `settings` for them and a `scratch` folder."""

    def __init__(self, options: list[str], name: str, settings: Settings, scratch: Scratch) -> None:
        self.options, self.name, self.settings, self.scratch = options, name, settings, scratch
        self.stdin: str | None = None

    def run(self, words: list[str]) -> int:
        """Do the whole command."""
        command = Invocation(words)
        if command.mode == "elsewhere" or not command.inputs:
            return child.replace([*self.plain, *words], self.settings.environment)
        if any(each.path == "-" for each in command.sources):
            self.stdin = self._spooled()
        if command.mode != "link":
            return self._compile(command)
        return self._build(command) if command.sources else self._link(command, words)

    @property
    def plain(self) -> list[str]:
        """The words that start the compiler."""
        return self.settings.plain[self.name]

    @property
    def leaves_bitcode(self) -> bool:
        """Whether objects of `-flto` are LLVM's."""
        return self.settings.is_clang[self.name]

    def start(self, words: list[str], stderr: str | None = None) -> int:
        """Run a command of the compiler's; gives its status."""
        if any(each.startswith("-v") or each == "--verbose" for each in self.options):
            from bootstrap.console import console  # noqa: PLC0415 - only where somebody wants to see it
            from plugin.wrap import tools  # noqa: PLC0415

            tools.set_loudness(self.options)
            console.command(words)
        return child.run(words, self.settings.environment, stdin=self.stdin, stderr=stderr)

    # Sources to objects

    def _compile(self, command: Invocation) -> int:
        if command.output in STDOUT:
            return self._to_stdout(command)
        if any(map(self._is_suspect, command.sources)):
            statuses = [self._compile_one(command, each, command.output_of(each)) for each in command.sources]
            return next(filter(None, statuses), 0)
        status = self.start([*self.plain, *command.words])
        if status == 0 and not (command.lto and self.leaves_bitcode):
            asking = [each for each in command.sources if asks(command.output_of(each))]
            status = next(filter(None, (self._derive(command, each, command.output_of(each), again=True) for each in asking)), 0)
        return status

    def _to_stdout(self, command: Invocation) -> int:
        output = self.scratch.file("output")
        words = [word for each in command.groups if each.role != "output" for word in each.words]
        status = self._compile(Invocation([*words, "-o", output]))
        if status == 0 and os.path.exists(output):
            with open(output, "rb") as file:
                sys.stdout.buffer.write(file.read())
            sys.stdout.flush()
        return status

    def _compile_one(self, command: Invocation, source: Group, output: str) -> int:
        """Compile one source of a command by itself."""
        keeps_calls = command.lto and self.leaves_bitcode
        suspect = self._is_suspect(source)
        if suspect and not keeps_calls:
            return self._derive(command, source, output)
        # What is not optimised yet is what Enzyme is to get; the link step optimises it.
        more = ["-Xclang", "-disable-llvm-passes"] if suspect else []
        status = self.start(
            [*self.plain, *self.compile_words(command, source, output, "lto", "emit", *([] if suspect else ["steps"])), *more]
        )
        if status == 0 and not keeps_calls and asks(output):
            return self._derive(command, source, output, again=True)
        return status

    def compile_words(self, command: Invocation, source: Group, output: str, *roles: str) -> list[str]:
        """The words that compile one source of a command, those of these further roles among them."""
        language = ["-x", source.language] if source.language else []
        words = [*command.flags("flag", "level", *roles), *dependencies(command, source)]
        return [*words, "-S" if command.mode == "assembly" else "-c", *language, source.path, "-o", output]

    def _derive(self, command: Invocation, source: Group, output: str, *, again: bool = False) -> int:
        """Make the derivatives of one source; `again` when the compiler has made `output` already, and has said what it had to say."""
        from plugin.wrap import derive  # noqa: PLC0415 - only where there is one to make

        return derive.derive(self, command, source, output, again=again)

    def _is_suspect(self, source: Group) -> bool:
        """Whether a source asks for a derivative by what is seen at once."""
        path = self.stdin if source.path == "-" else source.path
        return path is not None and (asks(path) or bool(self.settings.units_of(path)))

    def _spooled(self) -> str:
        """Standard input in a file: it may have to be read more than once."""
        path = self.scratch.file("stdin")
        with open(path, "wb") as file:
            file.write(sys.stdin.buffer.read())
        return path

    # Sources to a program or library

    def _build(self, command: Invocation) -> int:
        """As the compiler does it where no source asks for a derivative; otherwise each source by itself, and then the link."""
        if any(map(self._is_suspect, command.sources)):
            return self._apart(command)
        said = self.scratch.file("said")
        status = self.start([*self.plain, *self._colored(command), *command.words], stderr=said)
        if asks(said) if status else asks(command.output or "a.out"):
            return self._apart(command)
        with open(said, "rb") as file:
            sys.stderr.buffer.write(file.read())
        sys.stderr.flush()
        return status

    def _colored(self, command: Invocation) -> list[str]:
        """What the compiler would find out by itself, if its messages went to the terminal without a detour."""
        chosen = any("color" in word for word in command.flags("flag"))
        return [] if chosen or not os.isatty(2) or os.environ.get("TERM") == "dumb" else ["-fdiagnostics-color=always"]

    def _apart(self, command: Invocation) -> int:
        objects = {each: self.scratch.file(f"{os.path.basename(each.path)}.o") for each in command.sources}
        statuses = [self._compile_one(command, each, output) for each, output in objects.items()]
        if any(statuses):
            return next(filter(None, statuses))
        words = []
        for group in command.groups:
            if group in objects:
                words.append(objects[group])
            elif group.kind == "assembly" and group.language:
                words += ["-x", group.language, group.path, "-x", "none"]
            elif group.role not in {"language", "dependency"}:
                words += group.words
        return self._link(Invocation(words), words)

    def _link(self, command: Invocation, words: list[str]) -> int:
        """Link objects. Those of bitcode are linked, differentiated and made into one object before, when one of them asks for it."""
        modules = [each for each in command.inputs if is_bitcode(each.path)]
        if modules and (self.settings.sources or any(asks(each.path) for each in modules)):
            from plugin.wrap import link  # noqa: PLC0415 - only where there is bitcode

            return link.link(self, command, modules)
        return self.start([*self.plain, *words])


def dependencies(command: Invocation, source: Group) -> list[str]:
    """The options that write a dependency file, with the names that the compiler would have chosen for the whole command.

    clang's rule is in `Clang::getDependencyFileName` and around it (clang/lib/Driver/ToolChains/Clang.cpp).
    """
    words = command.flags("dependency")
    flags = [each.words[0] for each in command.groups if each.role == "dependency"]
    through = any(each.startswith("-Wp,-M") for each in command.flags("flag"))  # `-Wp,-MD,FILE`, as Linux's makefiles have it
    if not ({"-MD", "-MMD"} & set(flags) or through):
        return words
    base = os.path.splitext(os.path.basename(source.path))[0]
    if "-MF" not in flags and not through:
        words += ["-MF", (os.path.splitext(command.output)[0] if command.output else base) + ".d"]
    return words if {"-MT", "-MQ"} & set(flags) else [*words, "-MQ", command.output or f"{base}.o"]


def asks(path: str) -> bool:
    """Whether a regular file has the name of one of Enzyme's functions in it: a source, an object, a module or a compiler's message."""
    content = _content(path)
    return content is not None and ENZYME in content


def is_bitcode(path: str) -> bool:
    """Whether a file is LLVM's bitcode."""
    content = _content(path, 4)
    return content is not None and content.startswith(BITCODE)


def _content(path: str, size: int = -1) -> bytes | None:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None  # to open a named pipe takes the compiler's turn
        with open(path, "rb") as file:
            return file.read(size)
    except OSError:
        return None
