"""What changed in the configuration, and who must be told. Part of the distribution `holoenzyme`."""
