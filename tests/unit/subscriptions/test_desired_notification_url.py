"""The URL that Graph posts to."""

from dataclasses import replace

import pytest

from shared.subscriptions.desired import notification_url
from tests.fakes.subscription_values import URL, WANTED


@pytest.mark.parametrize(
    ("resource", "fetch", "base", "expected"),
    [
        ("/chats", False, URL, f"{URL}?key=k1"),
        ("/chats", True, URL, f"{URL}?key=k1&fetch=v1.0"),
        ("/chats", True, f"{URL}?code=abc", f"{URL}?code=abc&key=k1&fetch=v1.0"),
        ("/teams/getAllChannels/getAllMembers", True, URL, f"{URL}?key=k1&fetch=beta"),
        ("/not/in/the/catalogue", True, URL, f"{URL}?key=k1&fetch=v1.0"),
    ],
    ids=["not at all", "v1.0", "beside a function key", "a resource that only beta has", "an unknown resource"],
)
def test_the_url_says_whether_to_fetch_and_from_which_version(
    resource: str, base: str, expected: str, *, fetch: bool
) -> None:
    desired = replace(WANTED, resource=resource, include_resource_data=False, fetch=fetch)
    assert notification_url(desired, base, "k1") == expected
