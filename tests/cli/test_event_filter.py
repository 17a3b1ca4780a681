"""Which events ``events tail`` shows: all, or those that its options name."""

import pytest
import typer

from cli.event_filter import event_filter

EVENT = {
    "type": "Microsoft.Graph.ChatMessageCreated",
    "source": "/tenants/t1/applications/a",
    "time": "2026-11-21T12:00:00.000Z",
}
NONE = ""
ROWS: dict[str, tuple[list[str], list[str], str, bool]] = {
    "no option": ([], [], NONE, True),
    "the type": (["ChatMessageCreated"], [], NONE, True),
    "the type in full and in other letters": (["microsoft.graph.CHATMESSAGECREATED"], [], NONE, True),
    "one of two types": (["TeamDeleted", "ChatMessageCreated"], [], NONE, True),
    "another type": (["ChatMessage"], [], NONE, False),
    "the tenant": ([], ["t1"], NONE, True),
    "another tenant": ([], ["t"], NONE, False),
    "since then": ([], [], "2026-11-21T12:00:00Z", True),
    "since then elsewhere": ([], [], "2026-11-21T13:00:00+01:00", True),
    "since later": ([], [], "2026-11-21T12:00:01", False),
    "type but not tenant": (["ChatMessageCreated"], ["t2"], NONE, False),
}


@pytest.mark.parametrize("name", ROWS)
def test_event_is_shown_if_every_option_names_it(name: str) -> None:
    types, tenants, since, shown = ROWS[name]
    assert event_filter(types, tenants, since).passes(EVENT) is shown


@pytest.mark.parametrize("event", [{}, {"type": 1, "source": None, "time": "soon"}, {"time": "2026-11-21T12:00:00"}])
def test_message_that_is_no_event_is_shown_only_without_options(event: dict[str, object]) -> None:
    assert event_filter([], [], NONE).passes(event)
    assert not event_filter(["TeamDeleted"], [], NONE).passes(event)
    assert not event_filter([], ["t1"], NONE).passes(event)
    assert not event_filter([], [], "2026-01-01").passes(event)


def test_since_that_is_no_time_is_a_usage_error() -> None:
    with pytest.raises(typer.BadParameter, match="'yesterday' is not a time such as"):
        event_filter([], [], "yesterday")
