"""All checks, in order of dependence: what comes first explains what comes later."""

from collections.abc import Collection, Sequence

from cli.doctor import app, entra, here, outside, storage, through, vault
from cli.doctor.finding import Check

CHECKS: Sequence[Check] = (
    Check(name="python", group="here", examine=here.python),
    Check(name="settings", group="here", examine=here.settings),
    Check(name="entra-host", group="here", examine=here.entra_host, needs=("settings",)),
    Check(name="clock", group="here", examine=here.clock, needs=("entra-host",)),
    Check(name="graph-host", group="here", examine=here.graph_host, needs=("settings",)),
    Check(name="vault-host", group="here", examine=here.vault_host, needs=("settings",)),
    Check(name="login", group="here", examine=here.login, needs=("settings",)),
    Check(name="tables", group="storage", examine=storage.tables, needs=("settings",)),
    Check(name="queue", group="storage", examine=storage.queue, needs=("settings",)),
    Check(name="blobs", group="storage", examine=storage.blobs, needs=("settings",)),
    Check(name="same-app", group="app", examine=app.same_app, needs=("tables",)),
    Check(name="timer", group="app", examine=app.timer, needs=("tables",)),
    Check(name="app-storage", group="app", examine=app.storage, needs=("timer",)),
    Check(name="app-vault", group="app", examine=app.vault, needs=("timer",)),
    Check(name="app-entra", group="app", examine=app.entra, needs=("timer",)),
    Check(name="app-graph", group="app", examine=app.graph, needs=("timer",)),
    Check(name="app-url", group="app", examine=app.url, needs=("timer",)),
    Check(name="certificate", group="vault", examine=vault.certificate, needs=("vault-host", "login")),
    Check(name="key-policy", group="vault", examine=vault.key_policy, needs=("certificate",)),
    Check(name="versions", group="vault", examine=vault.versions, needs=("certificate", "tables")),
    Check(name="token", group="entra", examine=entra.token, needs=("entra-host", "clock")),
    Check(name="permissions", group="entra", examine=entra.permissions, needs=("token", "tables")),
    Check(name="registration", group="entra", examine=entra.registration, needs=("graph-host", "login", "tables")),
    Check(name="secret-end", group="entra", examine=entra.secret_end, needs=("registration",)),
    Check(name="subscriptions", group="entra", examine=through.subscriptions, needs=("tables",)),
    Check(name="handshake", group="outside", examine=outside.handshake, needs=("settings",)),
    Check(name="posts", group="outside", examine=outside.posts, needs=("handshake",)),
    Check(name="forged", group="outside", examine=outside.forged, needs=("handshake", "blobs")),
    Check(name="backlog", group="through", examine=through.backlog, needs=("queue",)),
    Check(name="parked", group="through", examine=through.parked, needs=("blobs",)),
    Check(name="quarantine", group="through", examine=through.quarantine, needs=("blobs",)),
    Check(name="gaps", group="through", examine=through.gaps, needs=("tables",)),
)


def number(check: Check) -> int:
    """Return the number under which docs/troubleshooting.md names a check; the canary is the last one."""
    return CHECKS.index(check) + 1 if check in CHECKS else len(CHECKS) + 1


def selected(names: Collection[str]) -> Sequence[Check]:
    """Return the checks and groups with these names, and what they need; all of them without a name.

    Raises:
        KeyError: there is no such check or group.
    """
    if not names:
        return CHECKS
    wanted = {check.name for name in names for check in _named(name)}
    for check in reversed(CHECKS):
        if check.name in wanted:
            wanted.update(check.needs)
    return [check for check in CHECKS if check.name in wanted]


def _named(name: str) -> Sequence[Check]:
    found = [check for check in CHECKS if name in {check.name, check.group}]
    if not found:
        raise KeyError(name)
    return found
