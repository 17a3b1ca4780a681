"""What the live page says of a sandbox: the light, the sentence, the remedy, and the plan of the next run."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dashboard.snapshot import Light
from sandbox.page.health import Seen, health, next_run_at, plan
from sandbox.page.stored import Run, Stored
from tests.sandbox.deliveries import SUBSCRIPTION, WHEN

NOW = WHEN + timedelta(minutes=3)
RENEWED = replace(SUBSCRIPTION, renewed_at=NOW)
RUN = Run(at=WHEN, refusals={}, key_ids=("k",))
WELL = Seen(
    now=NOW,
    stored=Stored(run=RUN),
    has_host=True,
    endpoint="normal",
    repeated=0,
    subscriptions=[RENEWED],
    expected=1,
    certificate_id=RENEWED.certificate_id,
)
REFUSED = "Key Vault refuses the app's identity (403): grant it the role Key Vault Secrets User on 127.0.0.1"


def _stored(**changes: Any) -> Stored:
    return replace(Stored(run=RUN), **changes)


def test_world_in_which_all_works_is_green_without_a_remedy() -> None:
    found = health(WELL)
    assert (found.light, found.remedy) == (Light.GREEN, "")
    assert found.sentence == "Graph delivers, the app answers, and nothing waits"


@pytest.mark.parametrize(
    ("changes", "light", "words"),
    [
        ({"stored": _stored(run=replace(RUN, refusals={"Key Vault": REFUSED}))}, "amber", "Key Vault refused the app"),
        ({"endpoint": "slow"}, "amber", "Graph waits before it delivers"),
        ({"repeated": 1}, "amber", "Graph repeats 1 notification"),
        ({"stored": _stored(parked=(WHEN, WHEN))}, "amber", "2 POSTs parked"),
        ({"stored": _stored(quarantined=3)}, "amber", "3 in quarantine"),
        ({"stored": _stored(gaps=Counter(refused=1, recovered=5))}, "amber", "1 gap not filled"),
        ({"has_host": False}, "red", "The app does not run"),
        ({"stored": None}, "red", "The storage account does not answer"),
        ({"endpoint": "drop"}, "red", "Graph drops notifications"),
        ({"subscriptions": []}, "red", "1 of 1 subscriptions gone"),
        # One that was asked for since the start makes up for none.
        ({"stored": _stored(rows=({"subscriptionId": "lost"},))}, "red", "1 of 2 subscriptions gone"),
    ],
)
def test_what_is_wrong_colours_the_light_and_is_said(changes: dict[str, Any], light: str, words: str) -> None:
    found = health(replace(WELL, **changes))
    assert found.light == light
    assert words in found.sentence


def test_refusal_is_shown_as_the_app_words_it_with_the_role() -> None:
    found = health(replace(WELL, stored=_stored(run=replace(RUN, refusals={"Key Vault": REFUSED}))))
    assert found.remedy == REFUSED


def test_trouble_is_said_before_what_is_to_be_watched() -> None:
    found = health(replace(WELL, has_host=False, repeated=2))
    assert found.light == "red"
    assert found.sentence == "The app does not run; Graph repeats 2 notifications"


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        (
            {"subscriptions": []},
            "Create 1 subscription again if Graph has reported the loss, or when the renewal is due",
        ),
        ({"certificate_id": "newer"}, "Give 1 subscription the new certificate"),
        ({"subscriptions": [replace(RENEWED, renewed_at=NOW - timedelta(minutes=29))]}, "Renew 1 subscription"),
        ({"stored": _stored(parked=(WHEN,))}, "Publish 1 parked POST"),
        ({"stored": _stored(gaps=Counter(open=2))}, "Read back 2 gaps"),
    ],
)
def test_next_run_does_what_is_due(changes: dict[str, Any], step: str) -> None:
    assert list(plan(replace(WELL, **changes)))[1:] == [step]


def test_next_run_of_a_settled_world_only_compares() -> None:
    assert list(plan(WELL)) == ["Compare 1 desired subscription with Graph's list"]
    assert next_run_at(WELL) == WHEN + timedelta(minutes=5)
