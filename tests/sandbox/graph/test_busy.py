"""Graph on a machine that does other work: it finds no endpoint slow."""

import pytest

from sandbox.serving import Fault
from tests.sandbox.graph_world import GraphWorld

pytestmark = pytest.mark.slow


def test_overlooked_slowness_delays_no_notification(world: GraphWorld) -> None:
    world.subscribe()
    chat = world.new_chat()
    # Already slow, by three answers of four.
    handle = world.receiver_service.faults.add(Fault(delay=0.4))
    for text in "abcd":
        world.send(text, chat=chat)
    assert world.health() == "slow"
    world.graph.overlook_slowness()
    for text in "efgh":
        world.send(text, chat=chat)
    world.receiver_service.faults.remove(handle)
    assert world.health() == "normal"
    arrived = len(world.receiver.items)
    world.send("now", chat=chat)
    assert len(world.receiver.items) == arrived + 1
