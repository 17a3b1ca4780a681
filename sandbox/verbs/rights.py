"""What an administrator takes from the app and gives back: permissions, a role, consent, the certificate."""

from dataclasses import replace

from sandbox.entra import Application
from sandbox.run.world import CERTIFICATE_NAME, World
from sandbox.verbs.breakable import COLD, Breakable
from sandbox.verbs.wrong import Wrong

_RENEWED = "The next run of the timer (`renew`) creates the subscriptions again, and reads back what was missed."


def rights(world: World) -> dict[str, Breakable]:
    """Return what can be taken, by name."""
    roles, tenant = _VaultRole(world), _Tenant(world)
    return {
        "permission": Breakable(
            break_it=tenant.take_permissions,
            mend_it=tenant.give_permissions,
            effect=f"The app's registration has lost its permissions at Graph: 403 with its next token. {COLD}",
            mended=f"The app's next token has its permissions again. {COLD}",
        ),
        "role": Breakable(
            break_it=roles.take,
            mend_it=roles.give,
            effect=f"The app's identity has lost the role Key Vault Secrets User. {COLD}",
        ),
        "consent": Breakable(
            break_it=tenant.take_consent,
            mend_it=tenant.give_consent,
            effect="The tenant has taken its consent back: its subscriptions are gone, and Graph refuses the app.",
            mended=_RENEWED,
        ),
        "certificate": Breakable(
            break_it=tenant.lose_certificate,
            mend_it=tenant.make_certificate,
            effect=f"The vault has lost the certificate {CERTIFICATE_NAME} with its key. {COLD}",
            mended="The vault has a new certificate. The next run of the timer (`renew`) gives it to Graph; "
            "what is encrypted to the lost one can be read by nobody.",
        ),
    }


class _VaultRole:
    def __init__(self, world: World) -> None:
        self._vault = world.vault
        self._held = (self._vault.readers, self._vault.writers)

    async def take(self) -> None:
        self._held = (self._vault.readers, self._vault.writers)
        self._vault.readers = self._vault.writers = ()

    async def give(self) -> None:
        self._vault.readers, self._vault.writers = self._held


class _Tenant:
    def __init__(self, world: World) -> None:
        self._world = world
        self._tenant_id = world.registration.tenant_ids[0]
        self._roles: tuple[str, ...] = ()

    async def take_permissions(self) -> None:
        app = self._registered()
        self._roles = app.roles
        self._world.entra.register(replace(app, roles=()))

    async def give_permissions(self) -> None:
        self._world.entra.register(replace(self._registered(), roles=self._roles))

    async def take_consent(self) -> None:
        for subscription in self._world.graph.subscriptions():
            self._world.graph.remove_subscription(subscription.id)
        self._world.graph.denial.tenant_ids.add(self._tenant_id)

    async def give_consent(self) -> None:
        self._world.graph.denial.tenant_ids.discard(self._tenant_id)

    async def lose_certificate(self) -> None:
        for version in self._world.vault.versions(CERTIFICATE_NAME):
            self._world.vault.remove(CERTIFICATE_NAME, version)

    async def make_certificate(self) -> None:
        await self._world.new_certificate()

    def _registered(self) -> Application:
        app = self._world.entra.find_application(self._world.registration.client_id, self._tenant_id)
        if app is None:
            raise Wrong("Entra ID does not know the app: its registration is gone.")
        return app
