"""Whatever is posted has a documented outcome; ``python -m tests.hostile`` tries as many bodies as one likes."""

from collections import Counter
from contextlib import suppress
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Malformed
from tests.fakes.graph_sender import graph
from tests.fakes.receiver_fixture import ReceiverFixture, outcome_of
from tests.hostile.corpus import CORPUS
from tests.hostile.mutations import mutations
from tests.hostile.outcomes import outcome

OUTCOMES = {"published", "parked", "in quarantine", "refused", "sent again", "no collection", "too large"}


@pytest.fixture(scope="module", autouse=True)
def _keys() -> None:
    """Make all keys beforehand, which takes longer than Hypothesis allows for an example."""
    assert ReceiverFixture().of(graph().rich_body()).published == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_every_mutation_of_a_good_body_has_a_documented_outcome(seed: int) -> None:
    outcomes = Counter(outcome(body) for body in islice(mutations(graph(), seed), 300))
    assert outcomes.keys() <= OUTCOMES
    assert len(outcomes) >= 4


@pytest.mark.parametrize("name", CORPUS)
def test_what_has_brought_it_down_has_a_documented_outcome(name: str) -> None:
    post = CORPUS[name](graph())
    assert outcome(post) in OUTCOMES
    # With everything up, so that what brought it down is reached.
    with suppress(Malformed):
        receipt = ReceiverFixture().of(post)
        assert receipt.received == sum(outcome_of(receipt).values()) == 1


@given(st.binary())
def test_every_run_of_bytes_has_a_documented_outcome(body: bytes) -> None:
    assert outcome(body) in OUTCOMES
