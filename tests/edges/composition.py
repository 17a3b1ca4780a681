"""The composition root with a memory that a test can wipe: what it has made was made for another environment."""

from shared import app


def forget() -> None:
    for made_once in vars(app).values():
        if hasattr(made_once, "cache_clear"):
            made_once.cache_clear()
