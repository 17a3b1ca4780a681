"""``python -m tests.dashboard.screenshot FILE``: the README's picture of the live page, after the sandbox's scene."""

import re
import sys
import tempfile
from pathlib import Path

from tests.dashboard.browsing import chromium, opened
from tests.sandbox.verbs.running_sandbox import read_to, started

_WIDTH, _HEIGHT = 1200, 1020


def main(file: Path) -> None:
    """Play the scene, and take a picture of what the page then shows."""
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as process:
        try:
            link = re.findall(r"Look: (\S+)", read_to(Path(folder), "Ctrl-C ends the sandbox."))[0]
            with chromium() as browser, opened(browser, link, reduced_motion="reduce") as found:
                found.page.set_viewport_size({"width": _WIDTH, "height": _HEIGHT})
                found.turns("green")
                file.parent.mkdir(parents=True, exist_ok=True)
                found.page.screenshot(path=file)
        finally:
            process.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
