"""``python -m infra.hooks NAME``: one hook of azure.yaml, with what it did, a line each."""

import sys
from collections.abc import Callable, Mapping, Sequence

from infra.hooks.postdeploy import postdeploy
from infra.hooks.postprovision import postprovision
from infra.hooks.predown import predown
from infra.hooks.preprovision import preprovision
from infra.hooks.tools import HookFailed, Tools, tools
from shared.errors import Problem

HOOKS: Mapping[str, Callable[[Tools], None]] = {
    "preprovision": preprovision,
    "postprovision": postprovision,
    "postdeploy": postdeploy,
    "predown": predown,
}


def main(arguments: Sequence[str]) -> int:
    """Run the hook that is named, and return the exit status."""
    if len(arguments) != 1 or arguments[0] not in HOOKS:
        print(f"name one of {', '.join(HOOKS)}", file=sys.stderr)
        return 2
    try:
        HOOKS[arguments[0]](tools())
    except (HookFailed, Problem) as problem:
        print(f"{arguments[0]}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
