"""A deployment that has run, and what the doctor says of it."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cli.json_documents import DoctorDocument
from sandbox.azurite import Azurite
from sandbox.entra import Application
from shared.app.clients import Clients
from shared.app.renew_subscriptions import timer_run
from shared.settings import Settings
from tests.borrowed import Borrowed
from tests.cli.operator import CHATS, TEAMS, Operator, matches
from tests.fakes.deployments import forget_deployments
from tests.fakes.identity_services import IDENTITY
from tests.flows.deployment import loopback_deployment
from tests.sandbox.graph_world import ROLES


@contextmanager
def patient(folder: Path, azurite: Azurite) -> Iterator[Operator]:
    """Yield an operator beside a deployment that is well."""
    # What other tests of this process have left there would be seen.
    asyncio.run(Borrowed(azurite).start())
    with loopback_deployment(folder / "world", azurite) as world:
        # The emulated identity is the operator's login, too, who may look at registrations.
        roles = ("Application.Read.All",)
        world.entra.system_identity = replace(IDENTITY, tenant_ids=(world.tenant_id,), roles=roles)
        world.grant(world.tenant_id, roles=(*ROLES, "User.Read.All"))
        operator = Operator(world=world, folder=folder)
        operator.watch(CHATS, TEAMS)
        run_timer(operator)
        yield operator
        world.entra.system_identity = IDENTITY
    forget_deployments(azurite.connection_string)


def run_timer(operator: Operator, **changes: str) -> None:
    """Run the app's timer once, with its own view of everything around it."""
    world = operator.world
    run = timer_run(Clients(Settings.from_environ(world.app.environ | changes), clock=world.app.time))
    first = run.first.work(world.clock.now())
    assert first is not None
    world.settle()


def registration(operator: Operator) -> Application:
    """Return the app's registration."""
    world = operator.world
    found = world.entra.find_application(world.app.settings.client_id, world.tenant_id)
    assert found is not None
    return found


def lines(operator: Operator, *arguments: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what each check of the doctor says, by its name."""
    ran = operator.run("doctor", "--json", *arguments)
    assert (ran.stderr, type(ran.exception)) in {("", SystemExit), ("", type(None))}, (ran.stderr, ran.exc_info)
    return {each["name"]: each for each in matches(DoctorDocument, ran.stdout)["checks"]}
