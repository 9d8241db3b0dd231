"""The Enzyme plugin of a build: fetch, link, lower, compile, verify. Part of the distribution `holoenzyme`."""
