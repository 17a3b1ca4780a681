"""What is broken around the app, on the live page of its own sandbox."""

from typing import Any

import pytest

from tests.dashboard.reader import Reader
from tests.sandbox.verbs.running_sandbox import RunningSandbox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("sandbox_broken")]


def _broken(shown: Any) -> list[str]:
    return [each["name"] for each in shown["controls"]["breakables"] if each["is_broken"]]


def test_whatever_is_broken_is_marked_until_it_is_mended(sandbox: RunningSandbox) -> None:
    reader = Reader(sandbox.link)
    for each in reader.first(lambda _: True)["controls"]["breakables"]:
        sandbox.say("break", each["name"])
        assert _broken(reader.first(_broken)) == [each["name"]]
        sandbox.say("mend", each["name"])
        reader.first(lambda shown: not _broken(shown))
