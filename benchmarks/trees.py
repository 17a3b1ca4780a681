"""The source trees that are compared: the one at hand, and worktrees of other commits of it."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

_REPOSITORY = Path(__file__).parents[1]
HERE, EVENT_HUB = "this tree", "this tree, hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A source tree of the app, by the name that its figures have; ``settings`` are beside those of the sandbox."""

    name: str
    source: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    uses_event_hub: bool = False

    @property
    def is_base(self) -> bool:
        """Whether it is another commit's, which this one is compared with."""
        return self.source != _REPOSITORY


@contextmanager
def all_trees(commits: Sequence[str], folder: Path) -> Iterator[Sequence[Tree]]:
    """Yield this tree, the same with an event hub if the sandbox can run one, and a worktree for each of ``commits``.

    Raises:
        subprocess.CalledProcessError: there is no such commit.
    """
    here = [Tree(name=HERE, source=_REPOSITORY)]
    if find_spec("proton"):
        here.append(Tree(name=EVENT_HUB, source=_REPOSITORY, uses_event_hub=True))
    made: list[Tree] = []
    try:
        made += (_worktree(commit, folder) for commit in commits)
        yield [*here, *made]
    finally:
        for tree in made:
            _git("worktree", "remove", "--force", str(tree.source))


def _worktree(commit: str, folder: Path) -> Tree:
    name = _git("rev-parse", "--short", "--verify", f"{commit}^{{commit}}")
    source = folder / name
    _git("worktree", "add", "--quiet", "--detach", str(source), name)
    return Tree(name=name, source=source)


def commit_here() -> str:
    """Return the commit at hand, and whether there is more than that."""
    changed = " with changes" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return _git("rev-parse", "--short", "HEAD") + changed


def _git(*words: str) -> str:
    command = ["git", *words]
    done = subprocess.run(command, cwd=_REPOSITORY, check=True, capture_output=True, text=True)  # noqa: S603  fixed words
    return done.stdout.strip()
