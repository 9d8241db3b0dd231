"""What the toolchain is to be: configuration, channel, gates, store. Part of the distribution `holoenzyme`."""
