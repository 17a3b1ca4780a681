"""``make fuzz``: bodies that grow out of good and hostile ones, by what each of them reaches in ``shared``.

libFuzzer keeps what reaches something new, and ends at the first body without a documented outcome: it is left in
``.hypothesis/fuzz/crash-…``, to be kept in ``tests/hostile/corpus.py``. Arguments are libFuzzer's, such as
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

# Longer ones are tried by name, and take their time.
_MAX_BYTES = 16 * 1024
_FOLDER = Path(".hypothesis/fuzz")


def main() -> None:
    """Search; libFuzzer ends the process itself."""
    bodies = [post(graph()).body for post in POSTS.values()] + [post(graph()) for post in CORPUS.values()]
    # Each process has keys of its own, with which what another one has found is no good any more.
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
