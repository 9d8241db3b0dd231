"""A small rust tree of our own making: the files that are read, in the layout of 1.85."""

from __future__ import annotations

from change_tracker.rust import HISTORY, STEPS

TRACKER = """
//! Words.
pub const CONFIG_CHANGE_HISTORY: &[ChangeInfo] = &[
    ChangeInfo {
        change_id: 100,
        severity: ChangeSeverity::Info,
        summary: "New option `rust.lto` added. It says \\"yes\\" \\
                  or no.",
    },
    // a comment
    ChangeInfo { change_id: 1_02, severity: ChangeSeverity::Warning, summary: r#"Default value of `build.jobs` was changed to "all""# },
    ChangeInfo { change_id: 101, severity: ChangeSeverity::Warning, summary: "Removed `rust.old`" },
];
"""
CONFIG = """
struct TomlConfig {
    #[serde(flatten)]
    change_id: ChangeIdWrapper,
    build: Option<Build>,
    rust: Option<Rust>,
    target: Option<HashMap<String, TomlTarget>>,
    profile: Option<String>,
}
define_config! {
    /// Words.
    struct Build {
        jobs: Option<u32> = "jobs",
        // a comment: Option<String> = "no-key",
        submodules: Option<bool> = "submodules",
        docs: Option<bool> = "docs",
    }
}
define_config! {
    struct Rust {
        lto: Option<String> = "lto",
        std_features: Option<BTreeSet<String>> = "std-features",
    }
}
define_config! {
    struct TomlTarget {
        cc: Option<String> = "cc",
    }
}
impl Config {
    pub fn default_opts() -> Config {
        Config { docs: true, ..Default::default() }
    }
    fn parse(flags: Flags) -> Config {
        config.jobs = flags.jobs.unwrap_or(jobs.unwrap_or(0));
        let features = BTreeSet::from([String::from("panic-unwind")]);
        config.std_features = std_features.unwrap_or(features);
    }
    fn submodules(&self) -> bool {
        self.submodules.unwrap_or(self.info.is_managed())
    }
}
pub struct Flags {
    pub jobs: Option<u32>,
}
"""
LLVM = """
fn run(self) {
    let lto = match builder.config.rust_lto {
        Some(ref s) => s,
        None => "thin",
    };
}
"""
EXAMPLE = """\
# Words about the file: rust.lto = no key.
#profile = <none>
#change-id = <latest change>

[build]
#jobs = 0
#submodules = [
#    "a",
#    "b",
#]
# docs = in prose
#docs = true

[rust]
# What it means.
#lto = "thin"
#std-features = ["panic-unwind"]

[target.x86_64-unknown-linux-gnu]
#cc = "cc" (path)
"""
PROFILE = '[build]\njobs = 1\n[target.x]\ncc = "c"\n'


def files(**changed: str | None) -> dict[str, bytes]:
    """The tree, with the files whose names are given changed, or left out where they are None."""
    texts = {"tracker": TRACKER, "config": CONFIG, "llvm": LLVM, "example": EXAMPLE, "profile": PROFILE, **changed}
    paths = {
        "tracker": HISTORY,
        "config": "src/bootstrap/src/core/config/config.rs",
        "llvm": STEPS,
        "example": "config.example.toml",
        "profile": "src/bootstrap/defaults/config.dist.toml",
    }
    return {paths[name]: text.encode() for name, text in texts.items() if text is not None}
