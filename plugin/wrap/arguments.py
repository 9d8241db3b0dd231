"""A compiler's command line, as far as one must understand it to stand in front of the compiler: what is made of what, and where it goes.

The words are clang's (clang.llvm.org/docs/ClangCommandLineReference.html), which gcc's are a part of. A *group* is an option with its
value, or an input; its *role* says what becomes of it when one command is made into several.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing typing takes longer than to read a command line
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SEPARATE = """
    -o -x -D -U -I -L -l -F -T -B -u -e -z -b -A -G -V -MF -MT -MQ -MJ -include -imacros -isystem -iquote -idirafter -iprefix
    -iwithprefix -iwithprefixbefore -isysroot -iframework -iframeworkwithsysroot -iwithsysroot -isystem-after -cxx-isystem -include-pch
    -ivfsoverlay -Xclang -Xlinker -Xassembler -Xpreprocessor -Xanalyzer -Xopenmp-target -mllvm -mlink-builtin-bitcode -target -arch
    -gcc-toolchain --sysroot --config --param -aux-info -dumpbase -dumpdir -dumpbase-ext -wrapper -specs -working-directory
    -serialize-diagnostics --serialize-diagnostics -rpath -framework -weak_framework -install_name -dylib_file -bundle_loader -undefined
    -current_version -compatibility_version -exported_symbols_list -unexported_symbols_list -filelist -sectcreate -segaddr -seg1addr
    -multiply_defined -read_only_relocs -init -dependency-dot -dependency-file --language --output --include --include-directory
    --define-macro --undefine-macro --library-directory
"""
SEPARATE = frozenset(_SEPARATE.split())
"""Options whose value is the next word, when nothing is joined to them."""

JOINED = ("-o", "-x", "-MF", "-MT", "-MQ", "--output=", "--language=")
"""Options of these that may have their value joined to them, as far as the value matters here."""

ELSEWHERE = ("-E", "-M", "-MM", "-fsyntax-only", "-###", "--version", "--help", "-help", "--analyze", "-cc1", "-cc1as", "-emit-ast",
             "--precompile", "--preprocess", "-verify-pch", "-module-file-info", "-dumpversion", "-dumpmachine", "--cuda-device-only",
             "-fdriver-only", "-emit-interface-stubs", "--emit-static-lib", "-emit-merged-ifs", "-rewrite-objc",
             "--migrate", "-print-targets", "-extract-api")  # fmt: skip
"""With these no machine code comes out: the compiler answers alone."""

LINKING = ("-l", "-L", "-Wl,", "-T", "-rpath", "-static", "-shared", "-fuse-ld=", "--ld-path=", "-nolibc", "-nostartfiles", "-nostdlib")
"""How options begin that only a link step reads."""

_LINK_WORDS = """
    -u -z -e -r -s -pie -no-pie -rdynamic -nodefaultlibs -Xlinker -dynamiclib -bundle -bundle_loader -framework -weak_framework
    -install_name -export-dynamic -undefined -current_version -compatibility_version -exported_symbols_list -filelist
"""
LINK_WORDS = frozenset(_LINK_WORDS.split())
"""Further ones that stand for themselves, their value in the next word."""

STEPS = ("-save-temps", "--save-temps", "-fembed-bitcode", "-no-integrated-as", "-fno-integrated-as")
"""How options begin that are about the compiler's own steps from a source to an object: they are not those of a derivative."""

C_FAMILY = {
    **dict.fromkeys((".c", ".i", ".cc", ".cpp", ".cxx", ".c++", ".C", ".cp", ".CPP", ".ii", ".m", ".mm", ".mi", ".mii", ".M"), "source"),
    **dict.fromkeys((".ll", ".bc"), "ir"),
    **dict.fromkeys((".s", ".S", ".sx", ".asm"), "assembly"),
    **dict.fromkeys((".h", ".hh", ".hpp", ".hxx", ".H", ".h++", ".cppm", ".ixx", ".cu", ".hip", ".cl"), "other"),
}
"""What a suffix says of an input; one that is not here goes to the linker."""

LANGUAGES = {
    **dict.fromkeys(("c", "c++", "cpp-output", "c++-cpp-output", "objective-c", "objective-c++"), "source"),
    "ir": "ir",
    **dict.fromkeys(("assembler", "assembler-with-cpp"), "assembly"),
}
"""The same for `-x`; every other language is one that is left to the compiler."""


class Group:
    """An option with its value, or an input: the `words`, the `role`, and for an input what it is (`kind`) and the `-x` before it."""

    __slots__ = ("kind", "language", "role", "words")

    def __init__(self, role: str, words: Sequence[str], kind: str = "", language: str = "") -> None:
        self.role, self.words, self.kind, self.language = role, tuple(words), kind, language

    @property
    def path(self) -> str:
        """The file of an input."""
        return self.words[0]


class Invocation:
    """A command line. `mode` is `object`, `assembly`, `link`, or `elsewhere` for what only the compiler itself knows."""

    __slots__ = ("emits_llvm", "groups", "lto", "mode", "output", "words")

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self.groups = list(_groups(expanded(words)))
        self.output: str | None = None
        self.mode, self.emits_llvm, self.lto = "link", False, False
        for group in self.groups:
            self._note(group)

    def _note(self, group: Group) -> None:
        word = group.words[0]
        if group.role == "output":
            self.output = group.words[-1]
        elif group.role == "mode":
            order = ["link", "object", "assembly", "elsewhere"]
            self.mode = max(self.mode, {"-c": "object", "-S": "assembly"}.get(word, "elsewhere"), key=order.index)
        elif word == "-emit-llvm":
            self.emits_llvm = True
        elif group.role == "lto":
            self.lto = word != "-fno-lto"
        elif group.role == "input" and group.kind == "other":
            self.mode = "elsewhere"

    @property
    def sources(self) -> list[Group]:
        """The inputs that may ask for a derivative."""
        return [each for each in self.groups if each.kind in {"source", "ir"}]

    @property
    def inputs(self) -> list[Group]:
        """All inputs."""
        return [each for each in self.groups if each.role == "input"]

    def flags(self, *roles: str) -> list[str]:
        """The words of the groups of these roles, in their order."""
        return [word for each in self.groups if each.role in roles for word in each.words]

    def level(self) -> int:
        """The optimisation level that was asked for; that of `-Os` and `-Oz` is 2, what is more stands at each function."""
        levels = [each.words[0][2:] for each in self.groups if each.role == "level"]
        level = {"": "1", "g": "1", "s": "2", "z": "2", "fast": "3"}.get(levels[-1], levels[-1]) if levels else "0"
        return min(int(level), 3) if level.isdigit() else 2

    def output_of(self, source: Group) -> str:
        """Where what is made of one source goes, when nothing is linked."""
        if self.output is not None:
            return self.output
        suffix = (".ll" if self.mode == "assembly" else ".bc") if self.emits_llvm else ".s" if self.mode == "assembly" else ".o"
        return os.path.splitext(os.path.basename(source.path))[0] + suffix


def expanded(words: Sequence[str], depth: int = 0) -> list[str]:
    """The words with those of response files (`@FILE`) in their place; one that cannot be read stays, for the compiler to complain of."""
    found: list[str] = []
    for word in words:
        text = _response(word[1:]) if word.startswith("@") and depth < 10 else None  # noqa: PLR2004 - against files that name themselves
        found += [word] if text is None else expanded(_split(text), depth + 1)
    return found


def _response(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return None


def _split(text: str) -> list[str]:
    """The words of a response file, as GNU tools quote them."""
    words: list[str] = []
    current: list[str] | None = None
    quote = ""
    characters = iter(text)
    for each in characters:
        if each == "\\" and quote != "'":
            current = [*(current or []), next(characters, "")]
        elif quote:
            if each == quote:
                quote = ""
            else:
                current = [*(current or []), each]
        elif each in "'\"":
            quote, current = each, current or []
        elif each.isspace():
            if current is not None:
                words.append("".join(current))
            current = None
        else:
            current = [*(current or []), each]
    return words if current is None else [*words, "".join(current)]


def _groups(words: Sequence[str]) -> Iterator[Group]:
    language, position, only_inputs = "", 0, False
    while position < len(words):
        word = words[position]
        if only_inputs or word == "-" or not word.startswith("-"):
            yield _input(word, language)
            position += 1
            continue
        if word == "--":
            only_inputs = True
            position += 1
            continue
        length = 2 if word in SEPARATE and position + 1 < len(words) else 1
        group = Group(_role(word), _valued(words[position : position + length]))
        if group.role == "language":
            language = "" if group.words[-1] == "none" else group.words[-1]
        yield group
        position += length


def _valued(words: Sequence[str]) -> Sequence[str]:
    """An option with its value apart, for those whose value matters here."""
    if len(words) == 1:
        for name in JOINED:
            if words[0].startswith(name) and len(words[0]) > len(name) and _role(words[0]) != "flag":
                return ("-" + name.strip("-=")[0] if name.startswith("--") else name), words[0][len(name) :]
    return words


def _input(path: str, language: str) -> Group:
    if language:
        return Group("input", [path], LANGUAGES.get(language, "other"), language)
    return Group("input", [path], C_FAMILY.get(os.path.splitext(path)[1], "object"))


def _role(word: str) -> str:  # noqa: PLR0911 - a table whose keys are beginnings
    if word in {"-c", "-S"} or word in ELSEWHERE or word.startswith(("-print-", "--print-")):
        return "mode"
    if word.startswith(("-o", "--output")) and not word.startswith(("-object", "-only")):
        return "output"
    if word.startswith(("-x", "--language")):
        return "language"
    if word.startswith(("-MF", "-MT", "-MQ", "-MJ")) or word in {"-MD", "-MMD", "-MP", "-MG", "-MV"}:
        return "dependency"
    if word.startswith(("-flto", "-fno-lto", "-ffat-lto", "-fno-fat-lto")):
        return "lto"
    if word.startswith(STEPS):
        return "steps"
    if word.startswith("-O"):
        return "level"
    if word == "-emit-llvm":
        return "emit"
    if word in LINK_WORDS or word.startswith(LINKING):
        return "link"
    return "flag"
