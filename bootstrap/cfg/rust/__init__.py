"""Reading the lists from a rust-lang/rust tree, or from a rustc binary."""
