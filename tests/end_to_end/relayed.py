"""Relays in front of Graph, Entra ID and Key Vault: what befalls their connections, whatever they would answer."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from sandbox.relay import Relay
from sandbox.run.world import World


async def relayed_services(world: World) -> tuple[Mapping[str, Relay], Mapping[str, str]]:
    """Return the relays, started, by the service's name, and the app settings that lead through them."""
    services = {"Graph": world.graph_service, "Entra ID": world.login, "Key Vault": world.vault_service}
    relays, settings = dict[str, Relay](), dict[str, str]()
    for name, service in services.items():
        relay = relays[name] = Relay(urlsplit(service.url).port or 0)
        await relay.start()
        settings |= {
            setting: value.replace(service.url, f"https://127.0.0.1:{relay.port}")
            for setting, value in world.settings("").items()
            if value.startswith(service.url)
        }
    return relays, settings
