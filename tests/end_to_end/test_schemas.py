"""Every event that the sandbox's scene makes the app publish fits its schema, in messages and in blobs."""

import asyncio
import json
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from sandbox.run.event_samples import all_events, write
from sandbox.run.queue_consumer import Event
from sandbox.run.world import World
from tests.schemas import file_by_type, problems, problems_of_data

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("schemas")]

KINDS = ("channel.json", "chat.json", "chatMessage.json", "conversationMember.json", "team.json")
SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
# Events of calls have no schema of their own.
WITHOUT_A_SCHEMA = "Microsoft.Graph.CallRecordCreated"


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory, borrowed: Azurite) -> list[Event]:
    world = World(tmp_path_factory.mktemp("world"))
    world.azurite = borrowed
    return asyncio.run(all_events(world))


def test_every_event_fits_its_schema(events: list[Event]) -> None:
    for event in events:
        if event.from_blob:
            assert problems(event.attributes) == []
            assert problems_of_data(event.data, event_type=event.attributes["type"]) == []
        else:
            assert problems(event.attributes | {"data": event.data}) == []


def test_scene_has_an_event_of_every_type_that_has_a_schema(events: list[Event]) -> None:
    assert {event.attributes["type"] for event in events} == file_by_type().keys() | {WITHOUT_A_SCHEMA}


def test_scene_has_every_kind_with_and_without_content(events: list[Event]) -> None:
    seen = {(file_by_type().get(event.attributes["type"]), "content" in event.data) for event in events}
    assert seen >= {(kind, rich) for kind in KINDS for rich in (True, False)}


def test_scene_has_events_whose_data_are_in_a_blob(events: list[Event]) -> None:
    assert any(event.from_blob for event in events)


def test_samples_in_the_docs_are_what_the_sandbox_makes(events: list[Event], tmp_path: Path) -> None:
    """Run ``make samples`` after a change of the events."""
    write(events, tmp_path)
    assert _forms(tmp_path) == _forms(SAMPLES)
    assert len(list(tmp_path.glob("event-data/*.json"))) == len(list(SAMPLES.glob("event-data/*.json"))) == 1


def _forms(folder: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Return which attributes and which data each sample has."""
    events = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")}
    return {name: (list(event), sorted(event.get("data", ()))) for name, event in events.items()}
