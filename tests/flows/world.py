"""A world to start: everything that the app lives on, on loopback and on one clock, with its flows in the middle."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from sandbox.clock import Clock
from sandbox.entra import Entra
from sandbox.graph import Graph, Patience, Temper
from sandbox.keyvault import KeyVault
from sandbox.serving import Service
from sandbox.teams import Teams, User
from sandbox.tls import Tls
from tests.fakes.identity_services import CERTIFICATE_NAME, IDENTITY
from tests.flows.app import App
from tests.flows.endpoint import endpoint
from tests.flows.surroundings import World
from tests.sandbox.background import Background
from tests.sandbox.used_keys import used_keys

__all__ = ["World", "world"]

_TOKEN_LIFETIME = timedelta(hours=1)
# By the real clock, and for answers that come: a machine that runs two test suites at once is slow.
_PATIENT = Temper(patience=Patience(first=timedelta(seconds=10)))
_FOREIGN = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_TOKEN_CREDENTIALS")


@contextmanager
def world(
    folder: Path, azurite: Azurite, *, tenants: int = 1, token_lifetime: timedelta = _TOKEN_LIFETIME
) -> Iterator[World]:
    """Start a world that has a certificate and the consent of ``tenants`` tenants.

    Its tenants are nobody else's, so that worlds may share Azurite. The environment is the process's own.
    """
    made = _unstarted(Tls(folder), tenants=tenants, token_lifetime=token_lifetime)
    with made.started(), pytest.MonkeyPatch.context() as environment:
        made.vault.create_certificate(CERTIFICATE_NAME)
        made.grant(*made.tenant_ids)
        made.app.environ |= made.settings() | {"AzureWebJobsStorage": azurite.connection_string}
        for name in _FOREIGN:
            environment.delenv(name, raising=False)
        for name, value in made.environment().items():
            environment.setenv(name, value)
        yield made


def _unstarted(tls: Tls, *, tenants: int, token_lifetime: timedelta) -> World:
    clock, keys = Clock(), used_keys()
    entra = Entra(clock, access_token_lifetime=token_lifetime, key_source=keys)
    # Another seed, other tenants.
    teams = Teams(clock, seed=secrets.randbits(64))
    entra.system_identity = IDENTITY
    vault = KeyVault(entra, clock, key_source=keys)
    graph = Graph(clock=clock, entra=entra, teams=teams, tls=tls, temper=_PATIENT)
    app = App(clock=clock, environ={}, fresh_for=token_lifetime - timedelta(minutes=5))
    return World(
        background=Background(),
        tls=tls,
        clock=clock,
        entra=entra,
        vault=vault,
        teams=teams,
        graph=graph,
        login=Service(entra.app, tls),
        vault_service=Service(vault.app, tls),
        graph_service=Service(graph.app, tls),
        endpoint_service=Service(endpoint(app), tls),
        people=dict(_people(teams) for _ in range(tenants)),
        app=app,
    )


def _people(teams: Teams) -> tuple[str, tuple[User, User]]:
    tenant_id = teams.add_tenant()
    return tenant_id, (teams.add_user(tenant_id, "Ann Ames"), teams.add_user(tenant_id, "Bob Burns"))
