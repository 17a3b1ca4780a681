"""The laptop beside the deployment that looks after the subscriptions: whether its settings are the same.

A command with other settings would show what concerns another app, or undo what the app does. The owner's row of the
table ``status`` says what the app has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import typer

from cli.settings_file import app_clients
from shared.app.clients import Clients
from shared.app.deployments import deployment_facts
from shared.errors import Misconfigured, NewerRows, Problem
from shared.settings import Settings
from shared.subscriptions.deployment_status import Answers, DeploymentFacts, DeploymentStatus, failures, signing_order
from shared.subscriptions.reconcile import Reconciler

_PULL = "take the app's with: settings pull --app NAME --group GROUP --secrets"


def owner_row(clients: Clients) -> DeploymentStatus | None:
    """Return the row of the deployment that looks after the subscriptions; None before its first run."""
    return clients.status_table().load().of_owner()


def required_owner_row(clients: Clients) -> DeploymentStatus:
    """Return the row of the deployment that looks after the subscriptions.

    Raises:
        Misconfigured: RenewSubscriptions has not run yet.
    """
    row = owner_row(clients)
    if row is None:
        raise Misconfigured("no deployment looks after the subscriptions: RenewSubscriptions has not run yet")
    return row


def reading_clients() -> Clients:
    """Return the clients of a command that changes nothing; warn if the settings are not the app's.

    Raises:
        NewerRows: what the tables say would be read wrongly.
    """
    clients = app_clients()
    try:
        row = owner_row(clients)
    except NewerRows:
        raise
    except Problem:
        # What the command itself needs it reports itself.
        return clients
    if row is not None:
        _warn([*differences(clients.settings, row.facts), *remarks(clients.settings, row)])
    return clients


def writing_clients(*, without_table: bool = False) -> Clients:
    """Return the clients of a command that changes something.

    ``without_table``: go on if the table does not answer, for a command that needs no role on storage.

    Raises:
        Misconfigured: the settings are not the app's; the text has both values.
        Problem: the table does not answer.
    """
    clients = app_clients()
    # What is renewed from here is a proof of delivery, and a laptop's clock may be wrong.
    clients.synchronise_clock()
    try:
        row = owner_row(clients)
    except Problem as problem:
        if not without_table or isinstance(problem, NewerRows):
            raise
        row = None
    if row is not None:
        if different := list(differences(clients.settings, row.facts)):
            raise Misconfigured(f"{'; '.join(different)}: {_PULL}")
        _warn(remarks(clients.settings, row))
    return clients


def differences(settings: Settings, app: DeploymentFacts) -> Iterator[str]:
    """Yield how the settings differ from the app's, one sentence each: those with which a command does harm."""
    here = deployment_facts(settings)
    if here.notification_url != app.notification_url:
        # The query may contain a function key.
        urls = [url.partition("?")[0] for url in (here.notification_url, app.notification_url)]
        yield _difference("NOTIFICATION_URL", *(urls if urls[0] != urls[1] else [f"{url}?..." for url in urls]))
    if here.client_id != app.client_id:
        yield _difference("CLIENT_ID", here.client_id, app.client_id)
    if set(here.tenant_ids) != set(app.tenant_ids):
        yield _difference("TENANT_IDS", _list(here.tenant_ids), _list(app.tenant_ids))
    if here.key_ids != app.key_ids:
        yield _difference("the id of CLIENT_STATE_KEY", _list(here.key_ids), _list(app.key_ids))


def remarks(settings: Settings, row: DeploymentStatus) -> Iterator[str]:
    """Yield what else differs, and what an operator has ordered: nothing that makes a command wrong."""
    here, app = deployment_facts(settings), row.facts
    if here.version != app.version:
        yield _difference("the version", here.version, app.version)
    if here.file_hash != app.file_hash:
        yield _difference("the hash of subscriptions.json", here.file_hash, app.file_hash)
    if row.wanted_none is not None and row.wanted_none.holds_for(app):
        yield "nothing is wanted since `subscriptions remove --all`: `subscriptions restore` ends that"


def as_the_app(whole: Reconciler, row: DeploymentStatus | None) -> Reconciler:
    """Return the flow that renews subscriptions as the app's next run will: with the key that signs there."""
    if row is None:
        return whole
    keys = (whole.client_state_key, *whole.other_client_state_keys)
    signing_key, *others = signing_order(keys, row.keys_seen, whole.clock.now())
    wants_none = row.wanted_none is not None and row.wanted_none.holds_for(row.facts)
    return replace(
        whole,
        client_state_key=signing_key,
        other_client_state_keys=tuple(others),
        desired=() if wants_none else whole.desired,
    )


def required_answers(row: DeploymentStatus) -> Answers:
    """Return what the systems around the app answered to its own identity.

    Raises:
        Misconfigured: its row says nothing of it.
    """
    if row.answers is None:
        raise Misconfigured("the app's first run has not ended yet: try again in a minute")
    return row.answers


def unanswered(answers: Answers) -> Iterator[str]:
    """Yield what did not answer as it should, one sentence each."""
    yield from (f"{system}: {said}" for system, said in failures(answers).items())


def _difference(what: str, here: str, there: str) -> str:
    return f"{what} is {here} here and {there} in the app"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


def _warn(sentences: Iterator[str] | Sequence[str]) -> None:
    for sentence in sentences:
        typer.echo(f"! {sentence}", err=True)
