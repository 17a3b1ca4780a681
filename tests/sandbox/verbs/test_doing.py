"""What a person does in Teams becomes an event."""

import pytest

from tests.sandbox.verbs.running_sandbox import RunningSandbox, ask

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("doing"), pytest.mark.timeout(300)]

_ALEX_WRITES: tuple[str, str, dict[str, str]] = ("write", "hello", {})
_IN_CHANNEL = {"in": "Marketing/General"}

type Deed = tuple[str, str, dict[str, str]]


@pytest.mark.parametrize(
    ("deeds", "event_type"),
    [
        ([("write", "hello", {"as": "Megan"})], "ChatMessageCreated"),
        ([("write", "hello", _IN_CHANNEL)], "ChatMessageCreated"),
        ([_ALEX_WRITES, ("edit", "changed", {})], "ChatMessageUpdated"),
        ([_ALEX_WRITES, ("react", "like", {"as": "Adele"})], "ChatMessageUpdated"),
        ([_ALEX_WRITES, ("delete", "", {})], "ChatMessageDeleted"),
        ([("write", "hello", _IN_CHANNEL), ("delete", "", _IN_CHANNEL)], "ChatMessageDeleted"),
        ([("join", "", {"as": "Newton"})], "ConversationMemberCreated"),
        ([("join", "", {"as": "Oldman"}), ("leave", "", {"as": "Oldman"})], "ConversationMemberDeleted"),
        ([("join", "", {"as": "Newport", "in": "Marketing"})], "ConversationMemberCreated"),
        (
            [("join", "", {"as": "Oldport", "in": "Marketing"}), ("leave", "", {"as": "Oldport", "in": "Marketing"})],
            "ConversationMemberDeleted",
        ),
        ([("rename", "Stand-up at ten", {})], "ChatUpdated"),
        ([("create-team", "Pets", {}), ("rename", "Cats", {"in": "Pets/General"})], "ChannelUpdated"),
        ([("create-team", "Plants", {}), ("rename", "Trees", {"in": "Plants"})], "TeamUpdated"),
        ([("create-team", "Zoo", {})], "TeamCreated"),
    ],
)
def test_deed_becomes_an_event(sandbox: RunningSandbox, deeds: list[Deed], event_type: str) -> None:
    sandbox.settle()
    for verb, text, where in deeds:
        sandbox.do(verb, text, **where)
    sandbox.published(event_type)


def test_what_was_written_is_in_the_event(sandbox: RunningSandbox) -> None:
    sandbox.do("write", "for the archive", **{"as": "megan"})
    while (content := sandbox.published("ChatMessageCreated")["data"].get("content")) is None or (
        content["body"]["content"] != "for the archive"
    ):
        pass
    assert content["from"]["user"]["displayName"] == "Megan Bowen"


@pytest.mark.parametrize(
    ("verb", "text", "where", "sentence"),
    [
        ("write", "", {}, "takes a text"),
        ("write", "x", {"as": "Nobody"}, "Nobody is called 'Nobody': there are Adele Vance, "),
        ("write", "x", {"in": "Nowhere"}, "no chat, team or channel 'Nowhere': there are "),
        ("edit", "x", {"as": "Adele"}, "no message of Adele Vance"),
        ("delete", "x", {}, "takes no text"),
        ("join", "", {"as": "Adele"}, "Adele Vance is a member of Stand-up already"),
        ("leave", "", {"as": "Megan"}, "Megan Bowen is no member"),
        ("join", "", {"as": "Megan", "in": "Marketing/General"}, "joining its team"),
        ("dance", "", {}, "do one of write, edit"),
    ],
)
def test_deed_that_cannot_be_done_is_refused(
    sandbox: RunningSandbox, verb: str, text: str, where: dict[str, str], sentence: str
) -> None:
    options = [text for name, value in where.items() for text in (f"--{name}", value)]
    ran = ask(sandbox.state, "do", verb, text, *options)
    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert sentence in ran.stderr
