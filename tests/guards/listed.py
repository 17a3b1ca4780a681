"""All guards."""

from tests.guards import (
    audits,
    authenticity,
    bounds,
    consuming,
    content,
    deploying,
    deployments,
    durability,
    hubs,
    looking,
    outgoing,
    proofs,
    receiving,
    saved_calls,
    signing_in,
    storing,
    times,
    warming,
)
from tests.guards.guard import Guard

GUARDS: tuple[Guard, ...] = (
    *receiving.GUARDS,
    *storing.GUARDS,
    *authenticity.GUARDS,
    *content.GUARDS,
    *consuming.GUARDS,
    *outgoing.GUARDS,
    *durability.GUARDS,
    *hubs.GUARDS,
    *proofs.GUARDS,
    *deployments.GUARDS,
    *deploying.GUARDS,
    *times.GUARDS,
    *saved_calls.GUARDS,
    *bounds.GUARDS,
    *signing_in.GUARDS,
    *looking.GUARDS,
    *audits.GUARDS,
    *warming.GUARDS,
)
