"""A project in which a compiler and its stand-in are started."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

from bootstrap import llvm
from bootstrap.process import Completed, run

ROOT = Path(__file__).parents[3]
START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from plugin.wrap.door import main; sys.exit(main())"
"""What the console script does."""

CLANG = "clang-15"
TRIPLE = llvm.host_triple()

CALL = """
#include "entry.h"
static double cube(double x) { return x * x * x; }
double slope(double x) { return __enzyme_autodiff((void *)cube, x); }
"""
FILES = {
    "entry.h": "double __enzyme_autodiff(void *, ...);\n",
    "call.c": CALL,
    "call.cpp": 'extern "C" {\n' + CALL + "}\n",
    "plain.c": "#include <stdlib.h>\n#ifdef LOUD\n#warning loud\n#endif\nint twice(int x) { return 2 * abs(x); }\n",
    "wrong.c": "int broken(void) { return missing; }\nint twice(int);\n",
    "main.c": '#include <stdio.h>\ndouble slope(double);\nint main(void) { return printf("%g\\n", slope(2)) < 0; }\n',
    "hello.c": '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n',
    "code.s": ".globl answer\nanswer:\n  ret\n",
    "code.S": "#define NAME answer\n.globl NAME\nNAME:\n  ret\n",
    "words.rsp": '-O2 "-DNAME=a b" -c plain.c\n',
    "prefix.h": "#include <stdlib.h>\nextern int from_prefix;\n",
    "prefixed.c": "int read_it(void) { return from_prefix + abs(-1); }\n",
}


@dataclasses.dataclass(frozen=True)
class Project:
    """A folder with sources; `options` are those of ours that stand before `cc`."""

    folder: Path
    options: tuple[str, ...] = ()

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, encoding="utf-8")

    def stand_in(self, *words: str, name: str = "cc", stdin: str | None = None, env: Mapping[str, str] | None = None) -> Completed:
        command = [sys.executable, "-c", START, *self.options, name, *words]
        return run(command, cwd=self.folder, stdin=stdin, env=env)

    def made(self, *words: str, name: str = "cc", stdin: str | None = None) -> Completed:
        """As `stand_in`, which must go well."""
        done = self.stand_in(*words, name=name, stdin=stdin)
        assert done.status == 0, done.stderr
        return done

    def plain(self, *words: str, stdin: str | None = None) -> Completed:
        """The compiler itself."""
        return run([CLANG, *words], cwd=self.folder, stdin=stdin)

    def output(self, program: str) -> str:
        done = run([self.folder / program], cwd=self.folder)
        assert done.status == 0
        return done.stdout

    def content(self) -> dict[str, bytes]:
        """All files; of a precompiled header, which has the folder's name in it, only that it is there."""
        files = [each for each in sorted(self.folder.rglob("*")) if each.is_file()]
        return {str(each.relative_to(self.folder)): b"" if each.suffix == ".pch" else each.read_bytes() for each in files}
