"""The CMake packages Enzyme and holoenzyme, and a toolchain file. scikit-build-core finds them by the entry points `cmake.root`."""
