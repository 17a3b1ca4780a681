"""Checks of the row that the app writes in each run: what the systems around it answered to its own identity.

Only that row makes a laptop truthful: the operator's roles say nothing of the app's.
"""

from collections.abc import Iterable, Iterator

from cli.deployments import differences, remarks
from cli.doctor.aadsts import explained
from cli.doctor.case import Case
from cli.doctor.finding import Finding, Level, mend, ok, watch, worst
from cli.doctor.roles import role_remedies
from cli.output import ago, iso, span
from shared.subscriptions.deployment_status import (
    MOST_PERIOD,
    OK,
    SILENT_AFTER,
    UNCLEAR,
    entra_in,
    failures,
    graph_in,
    period_of,
)

_PULL = "python -m cli settings pull --app NAME --group GROUP --secrets --force"
_RUNS = "az monitor app-insights query --app NAME --analytics-query \"traces | where message startswith 'run '\""
# One may be late; two may not.
_LATE = 2.5


def same_app(case: Case) -> Finding:
    """Compare the settings here with those of the app."""
    row = case.owner
    if row is None:
        return ok("no deployment looks after the subscriptions yet")
    if different := list(differences(case.settings, row.facts)):
        return mend("; ".join(different), _PULL)
    noted = "; ".join(remarks(case.settings, row))
    return ok(f"the settings are the app's{f' ({noted})' if noted else ''}")


def timer(case: Case) -> Finding:
    """Look at when the timer ran last, and how often it runs."""
    row = case.owner
    if row is None or row.answers is None:
        return mend("RenewSubscriptions has not run to its end yet: it does within five minutes of a deployment", _RUNS)
    since, period = case.now() - row.last_run_at, period_of(row.starts)
    text = f"version {row.facts.version}, ran {ago(row.last_run_at, case.now())}, every {span(period)}"
    if since > SILENT_AFTER:
        return mend(f"{text}: the timer does not run", _RUNS)
    if period > MOST_PERIOD:
        return mend(f"{text}: tokens lapse between two runs, so set RENEW_SCHEDULE to every five minutes")
    return watch(f"{text}: a run is late", _RUNS) if since > period * _LATE else ok(text)


def storage(case: Case) -> Finding:
    """Look at what storage, or the event hub, answered to the app."""
    return _answered(case, ("tables", "blobs", "queues", "event hub"))


def vault(case: Case) -> Finding:
    """Look at what the vault answered to the app, and when the certificate ends that it got there."""
    if case.settings.encryption_certificate_name is None:
        return ok("no encryption certificate is set: only basic notifications")
    found, ends_at = _answered(case, ("Key Vault",)), case.answers.certificate_ends_at
    if found.level is not Level.OK or ends_at is None:
        return found
    return ok(f"{found.text}; its certificate ends on {ends_at:%Y-%m-%d}")


def entra(case: Case) -> Finding:
    """Look at what Entra ID answered to the app in each tenant."""
    return worst([_entra_in(case, tenant_id) for tenant_id in case.tenant_ids], _of_run(case))


def _entra_in(case: Case, tenant_id: str) -> Finding:
    found = _answered(case, (entra_in(tenant_id),))
    values = {"tenant_id": tenant_id, "client_id": case.settings.client_id, "login_url": case.settings.login_url}
    known = list(explained(found.text, **values))
    if not known:
        return found
    sentences = "; ".join(sentence for sentence, _ in known)
    return mend(f"tenant {tenant_id}: {sentences}", *[remedy for _, remedy in known if remedy])


def graph(case: Case) -> Finding:
    """Look at what Graph answered to the app in each tenant."""
    return _answered(case, [graph_in(tenant_id) for tenant_id in case.tenant_ids])


def url(case: Case) -> Finding:
    """Look at what the app's public URL answered to the app."""
    found = _answered(case, ("NOTIFICATION_URL",))
    said = case.answers.by_system.get("NOTIFICATION_URL", OK)
    # It may be the app alone that does not get through.
    return watch(f"the app {said}") if said.startswith(UNCLEAR) else found


def _answered(case: Case, systems: Iterable[str]) -> Finding:
    bad = list(_failures(case, systems))
    if not bad:
        return ok(_of_run(case))
    remedies = tuple(dict.fromkeys(command for _, said in bad for command in role_remedies(said)))
    text = "; ".join(said if said.startswith(system) else f"{system}: {said}" for system, said in bad)
    return mend(f"{text} ({_of_run(case)})", *remedies)


def _failures(case: Case, systems: Iterable[str]) -> Iterator[tuple[str, str]]:
    said = failures(case.answers)
    yield from ((system, said[system]) for system in systems if system in said)


def _of_run(case: Case) -> str:
    return f"as the app's run at {iso(case.answers.at)} saw it"
