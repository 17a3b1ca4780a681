"""Debian's chromium, by way of playwright, on the live page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
WHY_SKIPPED = "chromium (apt-get install chromium), or the packages of make browser, are not there"

# Nothing of the network outside, no GPU, and no sandbox of its own: a container allows none.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE_MS = 20_000


# Playwright attaches its own attribute to whoever takes its events.
@dataclass
class Opened:
    """A page in a browser; ``complaints`` are its errors, and what its policy has blocked."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def hears(self, message: Any) -> None:
        # A refused order is an answer like any other; chromium reports its status as an error.
        if message.type == "error" and "409" not in message.text:
            self.complaints.append(message.text)

    def turns(self, light: str) -> None:
        """Return once the page has this light."""
        self.page.wait_for_selector(f'#health[data-light="{light}"]')

    def row(self, text: str) -> Any:
        """Return the row of the stream that shows a text, which may be still to come."""
        return self.page.locator("#stream tbody tr", has_text=text)

    def click(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser with a profile of its own; skip the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason=WHY_SKIPPED)
    path = shutil.which("chromium")
    if path is None or not AXE.is_file():
        pytest.skip(WHY_SKIPPED)
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, link: str, *, shows: str = "#all", **context: Any) -> Iterator[Opened]:
    """Open a link in a context of its own, and wait until there is something to see."""
    window = browser.new_context(viewport={"width": 1280, "height": 900}, **context)
    window.set_default_timeout(_PATIENCE_MS)
    try:
        found = Opened(window.new_page())
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("console", found.hears)
        found.page.goto(link)
        found.page.wait_for_selector(shows)
        yield found
    finally:
        window.close()
