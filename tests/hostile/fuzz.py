"""``make fuzz``: mutate good and hostile bodies, led by the code that each of them reaches in ``shared``.

libFuzzer collects bodies that reach new code, and ends at the first one without a documented outcome. It leaves that
body in ``.hypothesis/fuzz/crash-…``: add it to ``tests/hostile/corpus.py``. Arguments are libFuzzer's, such as
``-runs=100000``.

Source: https://github.com/google/atheris
"""

import shutil
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["shared"]):
    from tests.fakes.graph_sender import graph
    from tests.hostile.bodies import POSTS
    from tests.hostile.corpus import CORPUS
    from tests.hostile.outcomes import outcome

# Longer ones have tests of their own, and take their time.
_MAX_BYTES = 16 * 1024
_FOLDER = Path(".hypothesis/fuzz")


def main() -> None:
    """Search; libFuzzer ends the process itself."""
    bodies = [post(graph()).body for post in POSTS.values()] + [post(graph()) for post in CORPUS.values()]
    # Each process has its own keys, so what an earlier process found is not valid with them.
    seeds = _FOLDER / "seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    seeds.mkdir(parents=True)
    for number, body in enumerate(bodies):
        if len(body) <= _MAX_BYTES:
            (seeds / str(number)).write_bytes(body)
    options = [f"-max_len={_MAX_BYTES}", f"-artifact_prefix={_FOLDER}/", *sys.argv[1:]]
    atheris.Setup([sys.argv[0], str(seeds), *options], _tried)
    atheris.Fuzz()


def _tried(body: bytes) -> None:
    outcome(body)


if __name__ == "__main__":
    main()
