"""A `.pc` file beside a shared unit: what pkg-config tells of its library and its header, wherever the folder is moved to."""

from __future__ import annotations

from collections.abc import Sequence


def package(unit: str, targets: Sequence[str]) -> str:
    """The text of `UNIT.pc`, for a library with the functions `targets`. A program that is linked so finds the library where it lies."""
    about = f"The unit {unit}" + (f", with {', '.join(targets)}" if targets else "")
    lines = [
        "prefix=${pcfiledir}",
        "",
        f"Name: {unit}",
        f"Description: {about}",
        "Version: 0",
        "Cflags: -I${prefix}",
        f"Libs: -L${{prefix}} -Wl,-rpath,${{prefix}} -l{unit}",
    ]
    return "\n".join(lines) + "\n"
