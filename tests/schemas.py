"""The schemas of the events in teams_events/schemas, used as a consumer uses them: picked by the event's type."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "teams_events" / "schemas"
OF_ALL_OTHERS = "cloudEvent.json"


@cache
def documents() -> dict[str, dict[str, Any]]:
    """Return each schema by the name of its file."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")}


@cache
def file_by_type() -> dict[str, str]:
    """Return the name of the schema of every event type that has one of its own."""
    types = {name: schema["properties"].get("type", {}).get("enum", ()) for name, schema in documents().items()}
    return {event_type: name for name, listed in types.items() for event_type in listed}


def problems(event: Mapping[str, Any], *, file: str | None = None) -> list[str]:
    """Return what a schema, of ``file`` or that of the event's type, has against the event."""
    return _problems(_validator(file or _file(event["type"])), event)


def problems_of_data(data: Mapping[str, Any], *, event_type: str) -> list[str]:
    """Return what the schema of a type has against data that stand in a blob."""
    schema = documents()[_file(event_type)]
    return _problems(Draft202012Validator({"$defs": schema["$defs"]} | schema["properties"]["data"]), data)


def _file(event_type: str) -> str:
    return file_by_type().get(event_type, OF_ALL_OTHERS)


@cache
def _validator(file: str) -> Draft202012Validator:
    return Draft202012Validator(documents()[file])


def _problems(validator: Draft202012Validator, value: Mapping[str, Any]) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in validator.iter_errors(value)]
