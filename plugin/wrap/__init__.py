"""Stand-ins for the compilers of a build that is there: `cc`, `c++` and `rustc`.

A source that asks for no derivative takes the compiler's own way, and costs the start of Python. So whatever is on that way imports `os`,
`sys` and next to nothing else, and its values are plain classes with slots:

    door          tells a stand-in's words from another command's, before anything is imported
    settings      which compiler stands behind, and which sources have items: from a cache, for the plain way
    arguments     a compiler's command line, as far as one must understand it to stand in front of it
    child         starts the compiler; signals and exit status pass through as if it stood there alone
    cc            decides for each command and each source which way it takes

What a derivative needs comes after that:

    resolve       the settings, from the configuration and from what is on this machine
    derive        a source to bitcode with the compiler, and to its output in a worker
    differentiate the worker's job
    link          objects of bitcode, linked before they are differentiated (`-flto`)
"""
