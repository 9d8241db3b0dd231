"""What the toolchain is to be: configuration, channel, gates, store. Part of the distribution `holoenzyme`."""

VERSION = "0.1.0"
"""The version of holoenzyme."""
