"""What a section comes to, and how much it measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from rich.table import Table

from benchmarks.trees import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The trees to compare, the first of which is the one at hand, and a folder for what is made on the way."""

    trees: Sequence[Tree]
    folder: Path
    is_quick: bool
    rounds: int
    """How often the trees take turns over HTTP: the more, the smaller a difference can be told."""

    def count(self, full: int, quick: int) -> int:
        """Return how often something is done."""
        return quick if self.is_quick else full

    def new_folder(self) -> Path:
        """Return one that is empty."""
        return Path(mkdtemp(dir=self.folder))

    @property
    def bases(self) -> Sequence[Tree]:
        """The source trees of other commits."""
        return [tree for tree in self.trees if tree.is_base]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A section's tables; ``costs`` are those that other pages compute with, with their units."""

    tables: Sequence[Table]
    is_met: bool = True
    costs: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    """What the benchmarks of other trees print themselves, by title."""
    bars: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """What is drawn: milliseconds by kind of POST and tree."""
