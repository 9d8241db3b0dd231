"""The energy of a double pendulum, and its gradient: `energy` and `gradient` of angles and speeds."""

from pendulum._energy import energy, gradient

__all__ = ["energy", "gradient"]
