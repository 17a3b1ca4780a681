"""What is broken around the app shows in what it does, and is over when it was mended."""

import socket
from urllib.parse import urlsplit

import pytest

from sandbox.run.send_endpoint import Refused
from tests.eventually import eventually
from tests.sandbox.verbs.running_sandbox import RunningSandbox, ask

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("breaking"), pytest.mark.timeout(300)]


def _restart(sandbox: RunningSandbox) -> None:
    """Have the app forget what it has in memory."""
    sandbox.say("break", "app")
    sandbox.say("mend", "app")


def _set_aside(sandbox: RunningSandbox) -> int:
    stored = sandbox.look()["storage"]
    return len(stored["parked"]) + len(stored["quarantine"])


def test_app_that_starts_without_a_key_sets_aside_what_it_cannot_open(sandbox: RunningSandbox) -> None:
    for what in ("vault", "role", "entra", "certificate"):
        _break_for_a_message(sandbox, what)
        assert sandbox.look()["broken"] == [what]
        sandbox.say("mend", what)
    assert sandbox.look()["broken"] == []
    assert len(sandbox.look()["vault"]["versions"]) == 1
    _restart(sandbox)
    sandbox.say("renew")
    sandbox.settle()
    sandbox.do("write", "opened after everything was mended")
    sandbox.published("ChatMessageCreated")


def _break_for_a_message(sandbox: RunningSandbox, what: str) -> None:
    before = _set_aside(sandbox)
    sandbox.say("break", what)
    _restart(sandbox)
    sandbox.do("write", f"sealed while {what} was broken")
    assert eventually(lambda: _set_aside(sandbox) > before, seconds=60), what


def test_change_is_parked_while_the_queue_is_gone(sandbox: RunningSandbox) -> None:
    before = len(sandbox.stored("parked"))
    sandbox.say("break", "queue")
    sandbox.do("write", "for a queue that is gone")
    assert eventually(lambda: len(sandbox.stored("parked")) > before, seconds=30)
    with pytest.raises(Refused, match="broken already"):
        sandbox.say("break", "queue")
    sandbox.say("mend", "queue")
    sandbox.settle()
    sandbox.do("write", "for a queue that is there")
    sandbox.published("ChatMessageCreated")


@pytest.mark.parametrize("what", ["storage", "network", "app"])
def test_graph_repeats_what_the_app_cannot_take(sandbox: RunningSandbox, what: str) -> None:
    sandbox.say("break", what)
    sandbox.do("write", f"repeated because of {what}")
    assert eventually(lambda: sandbox.look()["graph"]["waiting"] > 0, seconds=30)
    sandbox.say("mend", what)
    assert eventually(lambda: sandbox.look()["graph"]["waiting"] == 0, seconds=60)


def test_app_is_not_mended_while_another_program_has_its_port(sandbox: RunningSandbox) -> None:
    sandbox.say("break", "app")
    with socket.create_server(("127.0.0.1", urlsplit(sandbox.look()["app"]["url"]).port or 0)):
        ran = ask(sandbox.state, "mend", "app")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "is in use by another program: end that, and try again." in ran.stderr
    assert ask(sandbox.state, "mend", "app").stdout == "The app serves.\n"


def test_app_says_that_graph_does_not_answer(sandbox: RunningSandbox) -> None:
    sandbox.say("break", "graph")
    sandbox.say("renew")
    assert sandbox.stored("failures")
    sandbox.say("mend", "graph")


@pytest.mark.parametrize(
    ("verb", "what", "sentence"),
    [("break", "dishes", "name one of app, certificate"), ("mend", "graph", "graph is not broken")],
)
def test_what_cannot_be_broken_or_mended_is_refused(
    sandbox: RunningSandbox, verb: str, what: str, sentence: str
) -> None:
    ran = ask(sandbox.state, verb, what)
    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert sentence in ran.stderr
