"""Run pip as `python -m pip` does, but not longer than the process that started it: what nobody waits for need not be downloaded.

Started as a file, by `bootstrap.transfer`, which puts its own process id into `HOLOENZYME_STARTED_BY`; never imported.
"""

import os
import runpy
import threading
import time


def end_with(parent: int) -> None:
    """Wait until `parent` is not (or no longer) our parent, then end this process, whatever it is doing."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


if __name__ == "__main__":
    started_by = int(os.environ.pop("HOLOENZYME_STARTED_BY", os.getppid()))
    threading.Thread(target=end_with, args=(started_by,), daemon=True).start()
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
