"""The live page of a running sandbox in a real browser."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dashboard.browsing import AXE, Opened, chromium, opened
from tests.sandbox.verbs.running_sandbox import RunningSandbox, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("live_page"),
]

IMAGE = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def sandbox(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    # After the browser: without one, nothing has to be started.
    del browser
    with serving(tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Any, sandbox: RunningSandbox) -> Iterator[Opened]:
    with opened(browser, sandbox.link) as found:
        yield found
        assert not found.complaints


def test_page_is_green_once_the_sandbox_serves(page: Opened) -> None:
    page.turns("green")
    assert page.page.inner_text("#sentence") == "Graph delivers, the app answers, and nothing waits"
    assert page.page.title().startswith("✓")
    assert page.page.locator("#subscriptions tbody tr").count() == 10
    assert "#" not in page.page.url


def test_typed_message_is_a_row_within_a_second(page: Opened, sandbox: RunningSandbox) -> None:
    def seconds(text: str) -> float:
        began = time.monotonic()
        sandbox.do("write", text)
        page.row(text).wait_for()
        return time.monotonic() - began

    # The quickest of a few: other tests use the same processors.
    assert any(seconds(f"typed, attempt {attempt}.") < 1 for attempt in range(10))
    assert "202" in page.row("typed, attempt 0.").inner_text()


def test_refusing_vault_turns_the_page_amber_and_names_the_role(page: Opened) -> None:
    page.turns("green")
    page.click("Key Vault role")
    page.turns("amber")
    assert "Key Vault" in page.page.inner_text("#sentence")
    assert "Key Vault Secrets User" in page.page.inner_text("#remedy")
    page.click("Key Vault role")
    page.turns("green")
    assert not page.page.is_visible("#remedy")


def test_markup_that_somebody_types_stays_text(page: Opened, sandbox: RunningSandbox) -> None:
    sandbox.do("write", IMAGE)
    row = page.row("onerror")
    row.wait_for()
    assert IMAGE in row.inner_text()
    assert page.page.locator("img").count() == 0
    assert "owned" not in page.page.title()


@pytest.mark.parametrize("width", [360, 1280])
def test_page_is_no_wider_than_the_screen(browser: Any, sandbox: RunningSandbox, width: int) -> None:
    sandbox.do("write", "W" * 500)
    with opened(browser, sandbox.link) as found:
        found.page.set_viewport_size({"width": width, "height": 740})
        found.row("WWW").first.wait_for()
        assert found.page.evaluate("document.documentElement.scrollWidth") == width
        wide = "[...document.querySelectorAll('#all *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        assert found.page.evaluate(f"{wide}.map(e => e.outerHTML.slice(0, 80))") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility_checker_finds_nothing_serious(browser: Any, sandbox: RunningSandbox, scheme: str) -> None:
    # The checker is no part of the page, so that the page's policy would not let it in.
    with opened(browser, sandbox.link, color_scheme=scheme, bypass_csp=True) as found:
        found.page.evaluate(AXE.read_text(encoding="utf-8"))
        violations = found.page.evaluate("axe.run().then((found) => found.violations)")
    serious = [each for each in violations if each["impact"] in {"serious", "critical"}]
    assert not [(each["id"], each["nodes"][0]["html"]) for each in serious]


def test_two_browsers_see_the_same_message(browser: Any, sandbox: RunningSandbox) -> None:
    with opened(browser, sandbox.link) as one, opened(browser, sandbox.link) as other:
        sandbox.do("write", "for both of you")
        for each in (one, other):
            each.row("for both of you").wait_for()


def test_message_is_written_by_keyboard_alone(page: Opened) -> None:
    page.page.focus("#text")
    page.page.keyboard.press("ControlOrMeta+A")
    page.page.keyboard.type("typed without a mouse")
    page.page.keyboard.press("Enter")
    page.row("typed without a mouse").wait_for()
    assert page.page.inner_text("#outcome").endswith("has written in Stand-up.")


def test_what_cannot_be_done_is_said(page: Opened) -> None:
    page.page.select_option("#as", "Megan Bowen")
    page.click("Leave")
    page.page.wait_for_selector("#outcome[data-bad]")
    assert page.page.inner_text("#outcome") == "Megan Bowen is no member there."


def test_lost_subscription_is_red_and_comes_back(page: Opened) -> None:
    page.click("Lose a subscription")
    page.turns("red")
    assert "1 of 10 subscriptions gone" in page.page.inner_text("#sentence")
    page.click("Run the timer")
    page.turns("green")


def test_nothing_moves_for_those_who_want_no_motion(browser: Any, sandbox: RunningSandbox) -> None:
    moving = "getComputedStyle(document.getElementById('link'), '::before').animationName"
    for motion, name in (("reduce", "none"), ("no-preference", "beat")):
        with opened(browser, sandbox.link, reduced_motion=motion) as found:
            found.page.wait_for_selector('#link[data-state="live"]')
            assert found.page.evaluate(moving) == name


def test_browser_without_the_token_is_told_where_it_is(browser: Any, sandbox: RunningSandbox) -> None:
    origin = sandbox.link.partition("#")[0]
    with opened(browser, origin, shows="#door") as found:
        assert "the terminal printed" in found.page.inner_text("#door")
        assert not found.page.is_visible("#all")
