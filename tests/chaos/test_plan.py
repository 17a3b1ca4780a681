"""The plan of a chaos run: the same for the same seed, and with every fault."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.plan import all_kinds, plan

MINUTES = timedelta(minutes=5)
DOCUMENTED = {
    **dict.fromkeys(
        ("Graph", "Entra ID", "Key Vault"),
        ("down", "slow", "wrong", "cut off", "throttling", "certificate expired", "silent", "trickling"),
    ),
    **dict.fromkeys(("blobs", "queues", "tables"), ("down", "silent", "late", "trickling", "cut off", "full")),
    "clock of Entra ID": ("fast", "slow"),
    "the app": ("killed", "two timers at once"),
    "people": (
        "subscription removed",
        "all subscriptions removed",
        "certificate rotated",
        "signing key rotated",
        "NOTIFICATION_URL changed",
    ),
    "Graph's lists of subscriptions": ("empty", "without some"),
    "the neighbouring tenant": ("refused",),
    "strangers": ("in a tenant that is not served", "in a tenant that is served"),
}


def test_same_seed_gives_the_same_plan() -> None:
    assert plan(7, MINUTES) == plan(7, MINUTES)


def test_another_seed_gives_another_order() -> None:
    assert [str(fault) for fault in plan(7, MINUTES)] != [str(fault) for fault in plan(8, MINUTES)]


@pytest.mark.parametrize("seed", range(5))
def test_any_seed_parks_posts_before_a_gap_and_then_misses_changes(seed: int) -> None:
    first, *others = plan(seed, timedelta(seconds=24))
    assert str(first) == "queues: down"
    removed = next(each for each in others if each.what == "all subscriptions removed")
    assert removed.at - first.ends > timedelta(seconds=5)
    assert any(each.whom == "Graph" and each.at == removed.at for each in others)


def test_plan_of_some_kinds_has_them_alone_one_at_a_time() -> None:
    only = ["strangers: in a tenant that is served", "Key Vault: silent"]
    faults = plan(3, timedelta(seconds=48), only)
    assert [sorted(str(fault) for fault in faults[start : start + 2]) for start in (0, 2, 4)] == [sorted(only)] * 3
    assert all(first.ends < second.at for first, second in pairwise(faults))


def test_five_minutes_have_every_fault_at_least_once() -> None:
    assert {(fault.whom, fault.what) for fault in plan(1, MINUTES)} == set(all_kinds())


def test_plan_has_every_documented_fault() -> None:
    kinds = set(all_kinds())
    assert all((whom, what) in kinds for whom, faults in DOCUMENTED.items() for what in faults)


@given(seed=st.integers(), seconds=st.integers(min_value=6, max_value=900))
def test_faults_begin_in_order_and_end_in_time(seed: int, seconds: int) -> None:
    length = timedelta(seconds=seconds)
    faults = plan(seed, length)
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert all(timedelta() <= fault.at < fault.ends <= length for fault in faults)
