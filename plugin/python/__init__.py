"""Derivatives in Python: what `holoenzyme` offers to a program that imports it.

    toolchain        what a program builds with: a configuration, and a cache of what was compiled
    library          what came of a build: functions to call
    function         one compiled function, called with NumPy arrays without copies
    primal           what a derivative may be asked of: a function of a library, llvmlite's, Numba's, a source in a string
    numba_source     a function of Numba, by way of its IR: numba_target lowers it, numba_ir closes it, numba_carrier makes it a plain
                     function, and numba_memory its memory plain
    derivation       the derivatives that a primal is asked for, and calls of them
    transforms       grad, value_and_grad, jvp, vjp, hessian, hvp

The names are imported when they are asked for (`holoenzyme.__getattr__`): the command line needs none of this, nor NumPy.
"""
