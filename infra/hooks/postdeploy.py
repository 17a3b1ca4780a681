"""After the app is deployed: wait until it answers from outside and until it says that everything answered it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import requests
from azure.data.tables import TableServiceClient
from azure.identity import AzureCliCredential

from cli.deployments import unanswered
from infra.hooks.app import Cli, app_settings, command_line
from infra.hooks.tools import HookFailed, Tools
from shared.errors import Problem
from shared.subscriptions.deployment_status import DeploymentStatus
from shared.subscriptions.status_table import StatusTable

_PAUSE = timedelta(seconds=15)
# A cold start after the package was changed, and the time that roles take.
_ANSWERS_WITHIN = timedelta(minutes=10)
# Two runs of the timer, and the time that roles take.
_RUNS_WITHIN = timedelta(minutes=30)
# With what a URL encodes, so that an answer that decodes twice, or not at all, is found out.
_QUESTION, _ANSWER = "validationToken=a%20b%2Bc%3A", b"a b+c:"

# The doctor's exit statuses 0 and 1: all is well, or something is to be watched.
_TO_WATCH = 1

type Row = Callable[[], DeploymentStatus | None]


def postdeploy(tools: Tools, cli: Cli = command_line) -> None:
    """Wait, have the doctor look at everything, and say what to do next."""
    url = tools.value("NOTIFICATION_URL")
    wait_for_handshake(tools, url, within=_ANSWERS_WITHIN)
    wait_for_run(tools, url, owner_of(tools), since=datetime.now(UTC), within=_RUNS_WITHIN)
    storage, queue = tools.value("AZURE_STORAGE_NAME"), tools.value("EVENT_QUEUE")
    tools.say(f"The app is at {url}, and takes care of subscriptions.json every five minutes.")
    tools.say("Write something in Teams and see it arrive: python -m cli events tail")
    tools.say(
        f"Consumers read the queue {queue} of {storage}: give them Storage Queue Data Message Processor on the queue, "
        "and Storage Blob Data Reader on the container event-data (docs/events.md)."
    )
    ask_doctor(tools, cli)


def ask_doctor(tools: Tools, cli: Cli) -> None:
    """Say what the doctor finds; the app is deployed and answers, so that nothing of it ends ``azd up``."""
    try:
        settings = app_settings(tools)
    except HookFailed as problem:
        tools.say(f"!! the doctor was not asked: {problem}")
        return
    done = cli(settings, "doctor")
    for line in (done.stdout + done.stderr).splitlines():
        tools.say(line)
    if done.returncode > _TO_WATCH:
        tools.say("!! mend that, then run python -m cli doctor again")


def wait_for_handshake(tools: Tools, url: str, *, within: timedelta) -> None:
    """Return once the app answers as Graph wants it.

    Raises:
        HookFailed: it does not in time; the text says what it answers.
    """
    waited = timedelta()
    while (said := _handshake(url)) and waited < within:
        tools.wait(_PAUSE)
        waited += _PAUSE
    if said:
        raise HookFailed(f"{url} {said}. Run azd deploy again if it was refused by storage: new roles take minutes")
    tools.say(f"{url} answers the handshake")


def _handshake(url: str) -> str:
    """Return what is wrong with the answer, or nothing."""
    try:
        answer = requests.post(f"{url}?{_QUESTION}", timeout=30, allow_redirects=False)
    except requests.RequestException as exc:
        return f"does not answer ({type(exc).__name__})"
    if (answer.status_code, answer.content) != (200, _ANSWER):
        return f"answers {answer.status_code} and not the token"
    return ""


def wait_for_run(tools: Tools, url: str, row: Row, *, since: datetime, within: timedelta) -> None:
    """Return once a run of the timer, ended after ``since``, says that every system answered the app.

    Nobody starts that run by hand: on Flex Consumption, the platform may end it.

    Raises:
        HookFailed: there is no such run in time; the text says what did not answer.
    """
    waited = timedelta()
    while problems := _of_run(row, url, since):
        if waited >= within:
            raise HookFailed(f"after {waited}: {'; '.join(problems)}")
        if not waited:
            tools.say("... the timer runs within five minutes")
        tools.wait(_PAUSE)
        waited += _PAUSE
    tools.say("the timer has run, and everything answered the app")


def _of_run(row: Row, url: str, since: datetime) -> list[str]:
    try:
        found = row()
    except Problem as problem:
        return [str(problem)]
    if found is None or found.answers is None or found.answers.at < since:
        return ["the timer has not run: see FunctionAppLogs, and whether the app's roles on storage are there"]
    if found.facts.notification_url != url:
        return [f"another deployment looks after the subscriptions: {found.facts.notification_url}"]
    return list(unanswered(found.answers))


def owner_of(tools: Tools) -> Row:
    """Return how to read the row of the deployment that looks after the subscriptions, as whoever is signed in."""
    account = tools.value("AZURE_STORAGE_NAME")
    tables = TableServiceClient(
        f"https://{account}.table.{tools.cloud.storage_suffix}", credential=AzureCliCredential()
    )
    table = StatusTable(tables)
    return lambda: table.load().of_owner()
