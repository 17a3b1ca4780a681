"""The composition roots with a memory that a test can wipe: what they have made was made for another environment."""

from shared import app, clients, steps


def forget() -> None:
    for made_once in (each for module in (clients, app, steps) for each in vars(module).values()):
        if hasattr(made_once, "cache_clear"):
            made_once.cache_clear()
