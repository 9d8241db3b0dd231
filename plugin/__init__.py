"""The Enzyme plugin of a build. Part of the distribution `holoenzyme`.

In the order in which data take their way through it:

    provider, toolchain      what a build runs: engine, compilers, linker, found here or brought from artifacts.toml
    link                     whether a pass plugin can be loaded by an `opt`, and the folder in which it finds its libLLVM
    plan                     a unit as the configuration has it, and where its files lie
    build                    what is fresh is left alone; what is not becomes jobs
    worker                   the child process in which a job runs: compile and verify

    compile                  the job that makes a unit, with these:
      languages, frontend, bitcode    from a source to a module, with the LLVM that wrote it
      module, activity, signature     what is asked of a module, and what it says of its functions
      lowering, validity              from an item and its primal to a derivative
      definition, abi                 the derivative as a C function around the call that Enzyme understands
      pointees                        what the pointers of a function point to
      pipeline, engine                pre, Enzyme, check, post
      assembly                        what is changed in the module of an engine with another LLVM
    wrap                     stands in front of the compilers of an existing build: cc, c++, rustc
    verify, native           the job that holds derivatives against central differences, called as C would

    python                   the Python API: derivatives as functions that take NumPy arrays
"""
