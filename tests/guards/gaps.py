"""The guards of filling gaps: x."""

from tests.guards.guard import Guard

GUARDS: tuple[Guard, ...] = ()
