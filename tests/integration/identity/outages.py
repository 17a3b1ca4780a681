"""The two ways in which Entra ID or Key Vault is out of reach."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from sandbox.serving import Service
from tests.fakes.identity_services import IdentityServices, fault, hanging

type Outage = Callable[[IdentityServices, Service], AbstractContextManager[None]]

OUTAGES: Mapping[str, Outage] = {
    "down": lambda outside, service: outside.down(service),
    # Signing keys are in two sets.
    "hanging": lambda _, service: fault(service, hanging(times=2)),
}
