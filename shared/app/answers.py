"""What the systems around this deployment answer to its own identity, once a run: only it can say so.

Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles (a person's roles are not the app's)
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from shared.app.clients import Clients
from shared.errors import Problem, Unavailable
from shared.identity.access_tokens import permissions_in
from shared.identity.certificates import Certificate
from shared.notifications.probe import Verdict
from shared.receiving.post_store import PARKED
from shared.subscriptions.delivery import EndpointAnswer
from shared.subscriptions.deployment_status import OK, UNCLEAR, Answers, entra_in, graph_in

type _Ask = Callable[[], object]


def dependency_answers(
    clients: Clients,
    certificate: Callable[[], Certificate] | None,
    at: datetime,
    *,
    endpoint: Callable[[], EndpointAnswer] | None = None,
) -> Answers:
    """Return what each system answers to this deployment's own identity, in the run that began at ``at``.

    ``endpoint``: the answer of the public URL in this run; None if the run does not call it.
    """
    granted: dict[str, tuple[str, ...]] = {}
    certificates: list[Certificate] = []

    def ask_entra(tenant_id: str) -> None:
        granted[tenant_id] = tuple(sorted(permissions_in(clients.graph_token(tenant_id, delegated=False))))

    asked: dict[str, _Ask] = {
        "blobs": lambda: next(clients.post_store(PARKED).list(), None),
        "event hub" if clients.settings.event_hub else "queues": lambda: clients.sink().check(),
    }
    if certificate is not None:
        asked["Key Vault"] = lambda: certificates.append(certificate())
    asked |= {entra_in(id_): partial(ask_entra, id_) for id_ in clients.settings.tenant_ids}
    asked |= {graph_in(id_): partial(_graph_answered, clients, id_) for id_ in clients.settings.tenant_ids}
    if endpoint is not None:
        asked["NOTIFICATION_URL"] = lambda: _endpoint_answered(endpoint())
    # An answer is only written if the tables answer.
    by_system: Mapping[str, str] = {"tables": OK, **{system: _answer(ask) for system, ask in asked.items()}}
    newest = certificates[0] if certificates else None
    return Answers(
        at=at,
        by_system=by_system,
        permissions=granted,
        certificate_version=newest.version if newest else None,
        certificate_ends_at=newest.certificate.not_valid_after_utc if newest else None,
    )


def _answer(ask: _Ask) -> str:
    try:
        ask()
    except Problem as problem:
        return str(problem)
    return OK


def _graph_answered(clients: Clients, tenant_id: str) -> None:
    """Raise what kept Graph from listing the subscriptions: the run has asked, and Graph allows few such requests."""
    failure = clients.subscription_table().load_account(tenant_id, delegated=False).failure
    if failure is not None:
        raise Unavailable(failure.text)


def _endpoint_answered(answer: EndpointAnswer) -> None:
    if answer.verdict is not Verdict.YES:
        raise Unavailable(f"{'' if answer.verdict is Verdict.NO else UNCLEAR}{answer.reason}")
