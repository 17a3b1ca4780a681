"""All guards, in the order in which a POST meets them."""

from tests.guards import (
    catch_up,
    client_state,
    commands,
    comparing,
    content,
    fetching,
    gaps,
    items,
    keeping,
    planning,
    posts,
    receiving,
    signing_in,
    subscriptions,
    validation_tokens,
)
from tests.guards.guard import Guard

GUARDS: tuple[Guard, ...] = (
    *receiving.GUARDS,
    *items.GUARDS,
    *posts.GUARDS,
    *client_state.GUARDS,
    *validation_tokens.GUARDS,
    *content.GUARDS,
    *fetching.GUARDS,
    *keeping.GUARDS,
    *signing_in.GUARDS,
    *commands.GUARDS,
    *subscriptions.GUARDS,
    *planning.GUARDS,
    *catch_up.GUARDS,
    *comparing.GUARDS,
    *gaps.GUARDS,
)
