"""The commands that build."""
