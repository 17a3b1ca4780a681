"""The sample events in docs/samples: one of each type, as the schemas want them, to be replayed by consumers' tests."""

import json
from pathlib import Path

import pytest

from teams_events import DataReference, NotAnEvent, OtherEvent, open_data, parse
from teams_events.replay import blobs_of, replay
from tests.schemas import file_by_type, problems, problems_of_data

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"
FILES = sorted(SAMPLES.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_sample_fits_its_schema_and_is_named_for_its_type(file: Path) -> None:
    event = parse(file.read_bytes())
    assert problems(json.loads(file.read_bytes())) == []
    name, is_large, _ = file.stem.partition("-large")
    assert event.type == f"Microsoft.Graph.{name}"
    assert isinstance(event.data, DataReference) is bool(is_large)
    if event.type in file_by_type():
        data = json.loads(json.dumps(open_data(event, blobs_of(SAMPLES))))
        assert problems_of_data(data, event_type=event.type) == []


def test_samples_have_every_type_and_one_without_a_schema() -> None:
    types = {parse(file.read_bytes()).type for file in FILES}
    assert types >= file_by_type().keys()
    assert any(isinstance(parse(file.read_bytes()), OtherEvent) for file in FILES)


def test_replay_hands_over_each_sample_twice_in_a_row() -> None:
    handled: list[bytes] = []
    assert replay(handled.append, SAMPLES) == len(FILES) > 1
    assert handled[::2] == handled[1::2] == [file.read_bytes() for file in FILES]


def test_replay_names_the_sample_that_a_handler_fails_for(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("[]", encoding="utf-8")
    with pytest.raises(NotAnEvent) as caught:
        replay(parse, tmp_path)
    assert caught.value.__notes__ == ["while odd.json was replayed for time 1 of 2"]


def test_replay_of_a_folder_without_samples_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no sample"):
        replay(parse, tmp_path)


def test_large_sample_opens_from_the_folder_beside() -> None:
    event = parse((SAMPLES / "ChatMessageCreated-large.json").read_bytes())
    assert isinstance(event.data, DataReference)
    assert len(json.dumps(open_data(event, blobs_of(SAMPLES)))) > 48 * 1024
