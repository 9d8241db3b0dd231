"""Small trees in the shapes of rust-lang/rust, of our own making, whose lists agree; anything can be left out of any of them.

`SmallTree` has the shape of 1.85, `LaterTree` what moved until 1.97.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

NAMES = ("alpha", "beta", "delta", "epsilon", "eta", "gamma", "iota", "kappa", "lambda", "omega", "sigma", "tau")
"""Cfgs that only nightly sets, bare, gated, and controlled by an unstable flag."""
TOOLS = ("clippy", "doc")
FEATURE = "cfg_{}"
LISTS = (
    *("default", "well_known", "disallowed", "gated"),
    *("feature", "option", "revision", "flag", "snapshot", "tested", "expectation", "listing", "book", "gate_test"),
)
"""What a name can be left out of."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmallTree:
    """The tree; `without` has pairs of a list and a name that the list lacks."""

    without: frozenset[tuple[str, str]] = frozenset()

    def kept(self, which: str, names: Iterable[str] = NAMES) -> list[str]:
        return [each for each in names if (which, each) not in self.without]

    def write(self, root: Path) -> Path:
        for path, text in self.files().items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return root

    def files(self) -> dict[str, str]:
        """The text of each file."""
        return {
            "src/version": "1.85.0\n",
            "compiler/rustc_session/src/config/cfg.rs": self.cfg(),
            "compiler/rustc_session/src/config.rs": 'fn flags() { opt("target"); opt("test"); opt("crate-type"); }\n',
            "compiler/rustc_session/src/options.rs": self.options(),
            "compiler/rustc_interface/src/util.rs": INTERFACE,
            "compiler/rustc_span/src/symbol.rs": self.symbols(),
            "compiler/rustc_feature/src/builtin_attrs.rs": self.gates(),
            "compiler/rustc_feature/src/unstable.rs": self.features(),
            "compiler/rustc_feature/src/accepted.rs": 'declare_features! (\n    (accepted, if_let, "1.0.0", Some(1)),\n);\n',
            "compiler/rustc_feature/src/removed.rs": 'declare_features! (\n    (removed, old, "1.0.0", Some(2), Some("gone")),\n);\n',
            "src/bootstrap/src/lib.rs": EXTRA,
            "src/bootstrap/src/core/cargo.rs": 'fn pass(c: &mut C) { c.arg("--cfg=bootstrap"); c.arg("--cfg").arg("extra"); }\n',
            "library/core.rs": "#![cfg_attr(bootstrap, feature(old))]\n#[cfg(not(extra))]\nfn f() {}\n",
            "src/doc/rustc/src/check-cfg.md": self.book(),
            "tests/ui/cfg/disallowed-cli-cfgs.rs": self.revisions(),
            **self.snapshots(),
            "tests/ui/check-cfg/well-known-values.rs": self.tested(),
            "tests/ui/check-cfg/well-known-values.stderr": VALUES,
            "tests/ui/check-cfg/names.rs": "//@ compile-flags: --check-cfg=cfg(mine)\nfn main() {}\n",
            "tests/ui/check-cfg/names.stderr": self.listing(),
            "tests/ui/feature-gates/feature-gate-cfgs.stderr": self.gate_test(),
        }

    def cfg(self) -> str:
        """D, W and X: each list in its own form of writing."""
        inserted = "".join(
            f"    if sess.is_nightly_build() && sess.opts.{each} {{\n        ins_none!(sym::{each});\n    }}\n"
            for each in self.kept("default")
        )
        expected = "".join(f"        ins!(sym::{each}, no_values);\n" for each in self.kept("well_known"))
        refused = "".join(f'            (sym::{each}, None) => disallow(cfg, "-Z {each}"),\n' for each in self.kept("disallowed"))
        return CFG.format(inserted=inserted, expected=expected, refused=refused)

    def options(self) -> str:
        rows = "".join(f'    {each}: bool = (false, parse_bool, [TRACKED], "whether"),\n' for each in self.kept("option"))
        stable = 'options! {\n    CodegenOptions, CG, cg, "C", "codegen",\n    panic: P = (None, parse, [TRACKED], "how"),\n}\n'
        return f'{stable}options! {{\n    Unstable, Z, z, "Z", "unstable",\n{rows}}}\n'

    def interned(self) -> list[str]:
        return sorted([*NAMES, *map(FEATURE.format, NAMES), *TOOLS, "abort", "panic", "test", "unwind"])

    def symbols(self) -> str:
        names = "".join(f"        {each},\n" for each in self.interned())
        return f'symbols! {{\n    Keywords {{\n        Fn: "fn",\n    }}\n    Symbols {{\n{names}    }}\n}}\n'

    def gates(self) -> str:
        rows = "".join(f"    (sym::{each}, sym::cfg_{each}, Features::cfg_{each}),\n" for each in self.kept("gated"))
        return f"const GATED_CFGS: &[GatedCfg] = &[\n    // (name, feature, function)\n{rows}];\n"

    def features(self) -> str:
        rows = "".join(f'    (unstable, cfg_{each}, "1.80.0", Some(7)),\n' for each in self.kept("feature"))
        return f"declare_features! (\n{rows});\n"

    def book(self) -> str:
        names = "".join(f" - `{each}`\n" for each in sorted([*TOOLS, *self.kept("book"), "panic"]))
        source = "compiler/rustc_session/src/config/cfg.rs"
        head = f"As of today, the list of known names is as follows:\n\n<!--- See fill_well_known in {source} -->"
        return f"# Checking\n\n{head}\n\n{names}\nThe end.\n"

    def revisions(self) -> str:
        names = [*self.kept("revision"), "panic"]
        flags = [f"//@ [{each}_]compile-flags: --cfg {each}\n" for each in self.kept("flag")]
        flags.append('//@ [panic_]compile-flags: --cfg panic="abort"\n')
        return f"//@ revisions: {' '.join(f'{each}_' for each in names)}\n\n{''.join(flags)}\nfn main() {{}}\n"

    def snapshots(self) -> dict[str, str]:
        cfgs = {each: (each, f"-Z {each}") for each in self.kept("snapshot")} | {"panic": ('panic="abort"', "-C panic")}
        return {
            f"tests/ui/cfg/disallowed-cli-cfgs.{name}_.stderr": SNAPSHOT.format(name=name, cfg=cfg, flag=flag)
            for name, (cfg, flag) in cfgs.items()
        }

    def tested(self) -> str:
        names = [*TOOLS, *self.kept("tested"), "panic"]
        lines = "".join(
            f'    {each} = "_UNEXPECTED_VALUE",\n' + ("" if ("expectation", each) in self.without else "    //~^ WARN unexpected\n")
            for each in names
        )
        return f"//@ check-pass\n#[cfg(any(\n{lines}))]\nfn unexpected() {{}}\nfn main() {{}}\n"

    def listing(self) -> str:
        names = ", ".join(f"`{each}`" for each in sorted([*TOOLS, *self.kept("listing"), "mine", "panic"]))
        return f"warning: unexpected\n   = help: expected names are: {names}\n"

    def gate_test(self) -> str:
        return "".join(f"error[E0658]: `cfg({each})` is experimental and subject to change\n" for each in self.kept("gate_test"))


CFG = """\
//! The lists.
pub(crate) fn disallow_cfgs(sess: &Session, user_cfgs: &Cfg) {{
    for cfg in user_cfgs {{
        match cfg {{
{refused}            (sym::panic, Some(sym::abort | sym::unwind)) => {{
                disallow(cfg, "-C panic")
            }}
            _ => {{}}
        }}
    }}
}}

pub(crate) fn default_configuration(sess: &Session) -> Cfg {{
{inserted}
    // One of the strategies.
    ins_sym!(sym::panic, sess.strategy());
    if sess.is_test_crate() {{
        ins_none!(sym::test);
    }}
    ret
}}

impl CheckCfg {{
    pub fn fill_well_known(&mut self) {{
{expected}
        // Set by tools.
        for tool in [sym::clippy, sym::doc] {{
            ins!(tool, no_values);
        }}

        // One of the strategies.
        ins!(sym::panic, empty_values).extend(Strategy::all());
    }}
}}
"""
INTERFACE = "pub fn add_configuration(cfg: &mut Cfg) {}\n"
EXTRA = """\
const EXTRA_CHECK_CFGS: &[(Option<Mode>, &str, Option<&[&str]>)] = &[
    (None, "bootstrap", None),
    (Some(Mode::Std), "extra", None),
];
"""
VALUES = "   = note: no expected value for `doc`\n   = note: expected values for `panic` are: `abort` and `unwind`\n"
SNAPSHOT = """\
error: unexpected `--cfg {cfg}` flag
   |
   = note: config `{name}` is only supposed to be controlled by `{flag}`
   = note: `#[deny(explicit_builtin_cfgs_in_flags)]` on by default
"""


TABLE = """
// The distinct values used by built-in targets, in the same order as VALUES above.
const BUILTIN_TARGET_CFG_VALUES: [&[&str]; 2] = [
    &["big", "little"], // endian
    &[
        "",
        "gnu",
    ], // env
];
"""
LOOP = """
        {
            const VALUES: [&Symbol; 2] = [&sym::target_endian, &sym::target_env];
            for &e in VALUES {
                if !self.exhaustive_values {
                    ins!(e, || ExpectedValues::Any);
                } else {
                    ins!(e, empty_values);
                }
            }
        }

        // Set by tools.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaterTree(SmallTree):
    """The tree as later versions write it: a table of target values, symbols with texts of their own, short and long snapshots."""

    def files(self) -> dict[str, str]:
        files = super().files()
        names = sorted(["doc", "clippy", "panic", "target_endian", "target_env", *self.kept("listing")])
        listed = "".join(f"`{each}`\n" for each in names).removesuffix("\n")
        known = len([*TOOLS, "panic", "target_endian", "target_env", *self.kept("well_known")])
        return files | {
            "src/version": "1.97.0\n",
            "tests/ui/check-cfg/names.stderr": f"warning: unexpected\n   = help: expected names are: {listed}\n   = note: see the book\n",
            "tests/ui/check-cfg/short.rs": "//@ compile-flags: --check-cfg=cfg(mine)\nfn main() {}\n",
            "tests/ui/check-cfg/short.stderr": f"   = help: expected names are: `FALSE`, `mine`, and `test` and {known} more\n",
            "tests/ui/check-cfg/well-known-values.stderr": VALUES.replace("`abort` and `unwind`", "`abort`, `at-once`, and `unwind`")
            + "   = note: expected values for `target_endian` are: `big` and `little`\n"
            + "   = note: expected values for `target_env` are: `` and `gnu`\n",
        }

    def cfg(self) -> str:
        text = super().cfg().replace("sym::abort | sym::unwind", "sym::abort | sym::unwind | sym::at_once")
        text = text.replace("            _ => {}\n", TARGETS_REFUSED + "            _ => {}\n")
        inserted = (
            "    ins_sym!(sym::target_endian, sess.target.endian.desc_symbol());\n    ins_sym!(sym::target_env, sess.target.env());\n"
        )
        return (
            text.replace("    if sess.is_test_crate()", f"{inserted}    if sess.is_test_crate()").replace(
                "        // Set by tools.\n", LOOP.lstrip("\n")
            )
            + TABLE
        )

    def interned(self) -> list[str]:
        names = [*super().interned(), 'at_once: "at-once"', "target_endian", "target_env"]
        return [*sorted(names), "x8", "x16", "x128"]  # numbers count as numbers

    def book(self) -> str:
        return super().book().replace(" - `panic`\n", " - `panic`\n - `target_endian`\n - `target_env`\n")

    def revisions(self) -> str:
        lines = '//@ revisions: target_endian_ target_env_\n//@ [target_endian_]compile-flags: --cfg target_endian="big"\n'
        return lines + "//@ [target_env_]compile-flags: --cfg target_env\n" + super().revisions()

    def snapshots(self) -> dict[str, str]:
        more = {"target_endian": 'target_endian="big"', "target_env": "target_env"}
        return super().snapshots() | {
            f"tests/ui/cfg/disallowed-cli-cfgs.{name}_.stderr": SNAPSHOT.format(name=name, cfg=cfg, flag="--target")
            for name, cfg in more.items()
        }

    def tested(self) -> str:
        more = "".join(f'    {each} = "_UNEXPECTED_VALUE",\n    //~^ WARN unexpected\n' for each in ("target_endian", "target_env"))
        return super().tested().replace("))]\nfn unexpected", f"{more}))]\nfn unexpected")


TARGETS_REFUSED = """\
            (sym::target_endian, Some(_))
            | (sym::target_env, None | Some(_)) => disallow(cfg, "--target"),
"""
