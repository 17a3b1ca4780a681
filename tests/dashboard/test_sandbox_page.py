"""What the live page of a running sandbox gets and does, without a browser."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.dashboard.reader import Reader
from tests.sandbox.verbs.running_sandbox import RunningSandbox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("sandbox_page")]


@pytest.fixture(scope="module")
def reader(sandbox: RunningSandbox) -> Reader:
    return Reader(sandbox.link)


def _turns(light: str) -> Callable[[Any], bool]:
    return lambda shown: shown["health"]["light"] == light


def test_message_of_a_second_terminal_is_a_row(sandbox: RunningSandbox, reader: Reader) -> None:
    sandbox.do("write", "from the second terminal")
    shown = reader.first(lambda shown: any("second terminal" in row["what"] for row in shown["stream"]))
    row = next(row for row in shown["stream"] if "second terminal" in row["what"])
    assert (row["kind"], row["change"], row["status"]) == ("ChatMessage", "created", 202)
    assert shown["answers"]["count"] >= 1
    assert shown["rate"]["per_minute"] >= 1


def _rows(shown: Any, kind: str, change: str) -> int:
    return sum((row["kind"], row["change"]) == (kind, change) for row in shown["stream"])


def _more_of(kind: str, change: str, *, than: int) -> Callable[[Any], bool]:
    return lambda shown: _rows(shown, kind, change) > than


@pytest.mark.parametrize(
    ("verb", "text", "row"),
    [
        ("write", "a", ("ChatMessage", "created")),
        ("edit", "b", ("ChatMessage", "updated")),
        ("react", "", ("ChatMessage", "updated")),
        ("delete", "", ("ChatMessage", "deleted")),
        ("rename", "Stand-up", ("Chat", "updated")),
        ("create-team", "Research", ("Team", "created")),
    ],
)
def test_verb_is_a_row(sandbox: RunningSandbox, reader: Reader, verb: str, text: str, row: tuple[str, str]) -> None:
    sandbox.do("write", "before")
    before = _rows(reader.first(lambda _: True), *row)
    sandbox.do(verb, text)
    reader.first(_more_of(*row, than=before))


def test_member_who_joins_and_leaves_is_two_rows(sandbox: RunningSandbox, reader: Reader) -> None:
    for verb, change in (("join", "created"), ("leave", "deleted")):
        before = _rows(reader.first(lambda _: True), "ConversationMember", change)
        sandbox.do(verb, **{"as": "Newton"})
        reader.first(_more_of("ConversationMember", change, than=before))


@pytest.mark.parametrize(
    ("event_type", "row"),
    [("ChannelDeleted", ("Channel", "deleted")), ("ShiftCreated", ("Shift", "created"))],
)
def test_what_is_triggered_is_a_row(
    sandbox: RunningSandbox, reader: Reader, event_type: str, row: tuple[str, str]
) -> None:
    before = _rows(reader.first(lambda _: True), *row)
    sandbox.say("trigger", event_type)
    reader.first(_more_of(*row, than=before))


@pytest.mark.parametrize(
    ("verb", "text"),
    [("write", "1"), ("edit", "2"), ("react", ""), ("delete", ""), ("rename", "Stand-up, renamed")],
)
def test_button_does_what_the_verb_does(sandbox: RunningSandbox, reader: Reader, verb: str, text: str) -> None:
    sandbox.do("write", f"for {verb}")
    status, said = reader.act(verb, text=text, **{"as": "Alex", "in": "Stand-up"})
    assert (status, sorted(said)) == (200, ["said"])


def test_member_joins_and_leaves_by_a_button(reader: Reader) -> None:
    where = {"as": "Megan", "in": "Marketing"}
    assert reader.act("join", **where) == (200, {"said": "Megan Bowen has joined Marketing."})
    assert reader.act("join", **where)[0] == 409
    assert reader.act("leave", **where) == (200, {"said": "Megan Bowen has left Marketing."})


def test_unknown_button_and_unknown_thing_are_refused(reader: Reader) -> None:
    assert reader.act("shout", text="x") == (409, {"error": "There is no button 'shout'."})
    assert reader.act("break", text="the ice")[0] == 409


def test_refused_vault_names_the_role_until_it_is_mended(reader: Reader) -> None:
    assert reader.act("break", text="role")[0] == 200
    shown = reader.first(_turns("amber"))
    assert "Key Vault Secrets User" in shown["health"]["remedy"]
    assert [each["name"] for each in shown["controls"]["breakables"] if each["is_broken"]] == ["role"]
    assert reader.act("mend", text="role")[0] == 200
    assert reader.first(_turns("green"))["health"]["remedy"] == ""


def test_app_that_is_gone_is_red_until_it_is_mended(reader: Reader) -> None:
    reader.act("break", text="app")
    assert reader.first(_turns("red"))["health"]["sentence"].startswith("The app does not run")
    reader.act("mend", text="app")
    reader.first(_turns("green"))


def test_lost_subscription_is_missed_and_created_again(reader: Reader) -> None:
    reader.act("lose")
    shown = reader.first(_turns("red"))
    states = Counter(each["state"] for each in shown["subscriptions"])
    assert states.keys() == {"active", "gone"}
    assert f"1 of {states.total()} subscriptions gone" in shown["health"]["sentence"]
    assert shown["next_run"]["plan"][1].startswith("Create 1 subscription again")
    reader.act("renew")
    found = reader.first(lambda shown: {each["state"] for each in shown["subscriptions"]} == {"active"})
    assert "gone" not in found["health"]["sentence"]


def test_new_certificate_is_given_to_the_subscriptions(reader: Reader) -> None:
    status, said = reader.act("rotate")
    assert status == 200
    version = said["said"].partition("certificate, ")[2].partition(";")[0]
    used = {"id": version, "use": "7 in use"}
    shown = reader.first(lambda shown: any(used.items() <= each.items() for each in shown["credentials"]))
    assert shown["credentials"][0]["kind"] == "Certificate graph-notifications"
