"""The CMake packages Enzyme and holoenzyme. scikit-build-core finds them by the entry points `cmake.root`."""
