"""What a guard is: a piece of source, what stands there when it is gone, and the test that must notice."""

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One guard. ``snippet`` occurs once in the source; ``test`` is a pytest node id without its parameters."""

    name: str
    module: str
    snippet: str
    without: str
    test: str

    @property
    def test_file(self) -> str:
        """Return the file of the test, from the repository's top."""
        return self.test.partition("::")[0]

    @property
    def test_name(self) -> str:
        """Return the name of the test's function."""
        return self.test.partition("::")[2].partition("[")[0]

    def mutated(self, source: str) -> str:
        """Return ``source`` without the guard.

        Raises:
            ValueError: the snippet does not occur exactly once.
        """
        if source.count(self.snippet) != 1:
            raise ValueError(f"{self.name}: the snippet occurs {source.count(self.snippet)} times in {self.module}")
        return source.replace(self.snippet, self.without)
