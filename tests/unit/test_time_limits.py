"""The limit that tests hold the code to: it ends for what waits too long, and not for what had no core."""

import time

import pytest

from tests.fakes.time_limits import within


def test_what_sleeps_beyond_the_limit_fails() -> None:
    with pytest.raises(AssertionError), within(0.01):
        time.sleep(0.02)


def test_what_ends_before_the_limit_passes() -> None:
    with within(0.5):
        time.sleep(0.01)
