"""The changes of a chaos run: the same for the same seed, and of every kind that is watched."""

import pytest

from sandbox.clock import Clock
from sandbox.teams import Change, Teams
from tests.chaos.traffic import Traffic

pytestmark = pytest.mark.slow

STEPS = 600


def _changes(seed: int) -> list[Change]:
    changes: list[Change] = []
    teams = Teams(Clock())
    traffic = Traffic(teams, teams.add_tenant(), seed=seed)
    teams.listen(changes.append)
    for _ in range(STEPS):
        traffic.step()
    return changes


def _order(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.path[-2], change.change_type) for change in changes]


def test_same_seed_makes_the_same_changes() -> None:
    assert _order(_changes(1)) == _order(_changes(1))


def test_another_seed_makes_other_changes() -> None:
    assert _order(_changes(1)) != _order(_changes(2))


def test_traffic_has_every_kind_of_change_that_is_watched() -> None:
    assert {
        ("chats", "created"),
        ("chats", "updated"),
        ("messages", "created"),
        ("messages", "updated"),
        ("messages", "deleted"),
        ("replies", "created"),
        ("teams", "created"),
        ("teams", "updated"),
        ("teams", "deleted"),
        ("channels", "created"),
        ("channels", "updated"),
        ("channels", "deleted"),
        ("members", "created"),
        ("members", "deleted"),
    } <= set(_order(_changes(1)))


def test_nothing_is_deleted_with_messages_in_it() -> None:
    changes = _changes(1)
    gone = [change.path for change in changes if change.change_type == "deleted" and change.path[-2] != "messages"]
    written = {change.path for change in changes if change.path[-2] in {"messages", "replies"}}
    assert not [path for path in written for place in gone if place[-2] != "replies" and path[: len(place)] == place]


def test_member_leaves_returns_and_leaves_again_under_the_same_id() -> None:
    memberships = [change for change in _changes(1) if change.path[-2] == "members"]
    by_member = {
        path: [each.change_type for each in memberships if each.path == path] for path in {c.path for c in memberships}
    }
    assert any(types[-3:] == ["deleted", "created", "deleted"] for types in by_member.values())
