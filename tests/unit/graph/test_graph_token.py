"""When a token expires, by the app's clock, however wrong the machine's is."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.errors import Problem
from shared.graph.graph_token import GraphToken
from tests.fakes.clocks import SettableClock

HOUR = timedelta(hours=1)


class Tokens:
    """A credential whose newest token is ``name``, and expires in an hour by the machine's clock."""

    def __init__(self) -> None:
        self.name, self.is_down = "first", False

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        if self.is_down:
            raise ClientAuthenticationError("no answer")
        return AccessToken(self.name, int(time.time() + HOUR.total_seconds()))


def test_token_expires_by_the_apps_clock_from_when_it_was_first_seen() -> None:
    tokens, clock = Tokens(), SettableClock(datetime(2020, 1, 1, tzinfo=UTC))
    expiry = GraphToken(credential=tokens, scope="https://graph.microsoft.com/.default", now=clock.now)
    first = expiry.expires_at()
    assert abs(first - clock.now() - HOUR) < timedelta(seconds=2)
    clock.pass_by(timedelta(minutes=50))
    assert expiry.expires_at() == first
    tokens.name = "second"
    assert abs(expiry.expires_at() - clock.now() - HOUR) < timedelta(seconds=2)


def test_token_that_cannot_be_had_is_one_of_the_apps_problems() -> None:
    tokens = Tokens()
    tokens.is_down = True
    with pytest.raises(Problem):
        GraphToken(credential=tokens, scope="s", now=SettableClock().now).expires_at()
