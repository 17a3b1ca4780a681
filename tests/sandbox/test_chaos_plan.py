"""The plan of a chaos run: the same for the same seed, and everything has its turn."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.chaos.plan import all_kinds, plan

MINUTES = timedelta(minutes=5)


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan(7, MINUTES) == plan(7, MINUTES)


def test_another_seed_gives_another_order() -> None:
    assert [str(trouble) for trouble in plan(7, MINUTES)] != [str(trouble) for trouble in plan(8, MINUTES)]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_seed_posts_are_parked_before_there_is_a_gap_and_then_something_is_missed(seed: int) -> None:
    first, *others = plan(seed, timedelta(seconds=24))
    assert str(first) == "queues: down"
    removed = next(each for each in others if each.what == "all subscriptions removed")
    assert removed.at - first.ends > timedelta(seconds=5)
    assert any(each.whom == "Graph" and each.at == removed.at for each in others)


def test_everything_goes_wrong_at_least_once_in_five_minutes() -> None:
    assert {(trouble.whom, trouble.what) for trouble in plan(1, MINUTES)} == set(all_kinds())


@pytest.mark.parametrize(
    "kind",
    [
        *((service, what) for service in ("Graph", "Entra ID", "Key Vault") for what in ("down", "slow", "wrong")),
        *((service, "cut off") for service in ("Graph", "Entra ID", "Key Vault")),
        *((service, "throttling") for service in ("Graph", "Entra ID", "Key Vault")),
        *((service, "certificate expired") for service in ("Graph", "Entra ID", "Key Vault")),
        *((store, what) for store in ("blobs", "queues", "tables") for what in ("down", "silent", "cut off", "full")),
        ("clock of Entra ID", "fast"),
        ("clock of Entra ID", "slow"),
        ("the app", "killed"),
        ("the app", "two timers at once"),
        ("people", "subscription removed"),
        ("people", "all subscriptions removed"),
        ("people", "certificate rotated"),
    ],
    ids=": ".join,
)
def test_it_knows(kind: tuple[str, str]) -> None:
    assert kind in set(all_kinds())


@given(seed=st.integers(), seconds=st.integers(min_value=6, max_value=900))
def test_every_trouble_begins_in_order_and_is_over_in_time(seed: int, seconds: int) -> None:
    length = timedelta(seconds=seconds)
    troubles = plan(seed, length)
    assert [trouble.at for trouble in troubles] == sorted(trouble.at for trouble in troubles)
    assert all(timedelta() <= trouble.at < trouble.ends <= length for trouble in troubles)
