#!/usr/bin/env python3
"""The door from a bare checkout: `./x.py ARGS` is the command `holoenzyme ARGS`, with nothing to install before.

The first start makes an environment under build/ from requirements.lock (bootstrap/installation.py). Every later start finds its
stamp, takes the environment on in this same process (bootstrap/environment.py) and hands over to holoenzyme.py.
This file alone can be read by every Python, so that an old one is told what it lacks.
"""

import os
import sys

if sys.version_info < (3, 11) or os.name != "posix":
    sys.stderr.write(
        "error[E0330]: holoenzyme needs Python 3.11 or newer, on Linux or macOS; this is Python %d.%d.%d on %s (%s)\n"
        % (sys.version_info[:3] + (sys.platform, sys.executable))
    )
    sys.exit(3)

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

    try:
        from bootstrap import environment

        environment.enter()

        from plugin.wrap import door

        sys.exit(door.main())
    except KeyboardInterrupt:
        sys.exit(130)
