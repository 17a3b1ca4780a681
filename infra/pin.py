"""``python -m infra.pin``: the actions of the workflows by hash in place of their tag, which stays as a comment.

A tag can be moved to other code; a hash cannot. It needs a network, so the repository names tags until this was run.

Source: https://docs.github.com/actions/reference/security/secure-use#using-third-party-actions
"""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

WORKFLOWS = Path(__file__).parents[1] / ".github" / "workflows"
_GITHUB = "https://github.com"
_USES = re.compile(r"(?P<before>\buses: (?P<repository>[\w.-]+/[\w.-]+)(?P<path>[\w./-]*)@)(?P<tag>v[\w.-]+)[^\n]*")


class NotPinned(Exception):
    """A tag has no hash; the message says which."""


def pinned(text: str, hash_of: Callable[[str, str], str]) -> str:
    """Return a workflow with a hash for each tag; what has a hash already stays as it is."""

    def pin(match: re.Match[str]) -> str:
        return f"{match['before']}{hash_of(match['repository'], match['tag'])} # {match['tag']}"

    return _USES.sub(pin, text)


def hash_at(server: str) -> Callable[[str, str], str]:
    """Return how to ask a git server for the commit of a tag.

    Raises:
        NotPinned: the repository does not answer, or has no such tag.
    """

    @cache
    def hash_of(repository: str, tag: str) -> str:
        # What an annotated tag points to is listed with "^{}", after the tag.
        command = ["git", "ls-remote", f"{server}/{repository}", f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  no shell
        if done.returncode or not done.stdout.strip():
            raise NotPinned(f"{repository} has no tag {tag}: {done.stderr.strip() or 'correct the workflow'}")
        return done.stdout.splitlines()[-1].split()[0]

    return hash_of


def main(server: str = _GITHUB, folder: Path = WORKFLOWS) -> int:
    """Rewrite the workflows, and return the exit status."""
    try:
        texts: Sequence[tuple[Path, str]] = [
            (file, pinned(file.read_text(encoding="utf-8"), hash_at(server))) for file in sorted(folder.glob("*.yml"))
        ]
    except NotPinned as problem:
        print(problem, file=sys.stderr)
        return 1
    for file, text in texts:
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
