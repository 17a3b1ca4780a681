"""All guards."""

from tests.guards import authenticity, content, durability, outgoing, receiving
from tests.guards.guard import Guard

GUARDS: tuple[Guard, ...] = (
    *receiving.GUARDS,
    *authenticity.GUARDS,
    *content.GUARDS,
    *outgoing.GUARDS,
    *durability.GUARDS,
)
