"""An endless stream of bodies: good ones with changed nodes or garbled bytes, and random bytes."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.hostile.bodies import NASTY
from tests.sender import Sender, basic_item, body

_PLACES = tuple(f"place-{number}" for number in range(4))
_NAMES = ("value", "validationTokens", "clientState", "lifecycleEvent", "encryptedContent", "resource", "", "\ud800")


def mutations(graph: Sender, seed: int) -> Iterator[bytes]:
    """Return an endless stream of bodies, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  no secret
    good = _good(graph)
    kinds: tuple[Callable[[random.Random, bytes], bytes], ...] = (_changed, _changed, _changed, _garbled, _random)
    while True:
        yield chance.choice(kinds)(chance, chance.choice(good))


def _good(graph: Sender) -> tuple[bytes, ...]:
    lifecycle = basic_item(lifecycleEvent="missed", changeType=None)
    return (
        graph.rich_body(),
        graph.rich_body(graph.rich_item(changeType="deleted"), basic_item(), lifecycle),
        body(basic_item(), basic_item(changeType="updated"), lifecycle),
        json.dumps(basic_item()).encode(),
    )


def _changed(chance: random.Random, good: bytes) -> bytes:
    """Replace, remove, move, duplicate or rename nodes, at any depth."""
    document = json.loads(good)
    places = _PLACES[: chance.randint(1, len(_PLACES))]
    for place in places:
        _change(chance, document, place)
    text = json.dumps(document)
    for place in places:
        text = text.replace(json.dumps(place), chance.choice(list(NASTY.values())))
    return text.encode()


def _change(chance: random.Random, document: Any, place: str) -> None:
    container = chance.choice(list(_containers(document)))
    if isinstance(container, list):
        container.insert(chance.randint(0, len(container)), place)
        return
    name = chance.choice([*container, *_NAMES])
    match chance.randint(0, 3):
        case 0:
            container[name] = place
        case 1:
            container.pop(name, None)
        case 2:
            container[name.swapcase()] = container.get(name)
        case _:
            container[chance.choice(_NAMES)] = container.pop(name, place)


def _containers(node: Any) -> Iterator[Any]:
    if isinstance(node, dict | list):
        yield node
        for child in node.values() if isinstance(node, dict) else node:
            yield from _containers(child)


def _garbled(chance: random.Random, good: bytes) -> bytes:
    garbled = bytearray(good)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(garbled))
        garbled[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
    return bytes(garbled[: chance.choice([len(garbled), chance.randint(0, len(garbled))])])


def _random(chance: random.Random, _good: bytes) -> bytes:
    return chance.randbytes(chance.randint(0, 200))
