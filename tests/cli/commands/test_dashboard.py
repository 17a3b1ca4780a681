"""``python -m cli dashboard``: serves the live page until Ctrl-C."""

import re
import signal

import pytest
import requests

from tests.cli.child_processes import end, start, write_settings
from tests.cli.operator import TEAMS, Operator

pytestmark = pytest.mark.slow


@pytest.mark.timeout(180)
def test_page_is_served_until_ctrl_c_and_takes_no_order(operator: Operator) -> None:
    operator.watch(TEAMS)
    write_settings(operator.folder / "local.settings.json", operator.world.app.environ | operator.world.environment())
    command = start("dashboard", folder=operator.folder)
    assert command.stdout is not None
    link = re.findall(r"^Look: (\S+)$", command.stdout.readline(), re.MULTILINE)[0]
    origin, _, token = link.partition("/#")
    with requests.Session() as browser:
        browser.headers["Origin"] = origin
        assert browser.post(f"{origin}/session", json={"token": token}, timeout=10).status_code == 204
        with browser.get(f"{origin}/events", stream=True, timeout=30) as events:
            assert '"resource":"/teams"' in next(events.iter_lines(chunk_size=1, decode_unicode=True))
        assert browser.post(f"{origin}/act", json={"verb": "write"}, timeout=10).status_code == 404
    command.send_signal(signal.SIGINT)
    ended = end(command)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_port_that_is_taken_is_one_sentence(operator: Operator) -> None:
    port = operator.world.login.url.rpartition(":")[2]
    ran = operator.run("dashboard", "--port", port)
    assert ran.exit_code == 3
    assert ran.stderr == f"port {port} of 127.0.0.1 cannot be used: leave --port out for a free one\n"
