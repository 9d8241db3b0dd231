"""LLVM IR as the plugin reads and changes it."""
