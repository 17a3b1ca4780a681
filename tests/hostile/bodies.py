"""Whole POSTs with their documented result: the status, and the outcome of each item."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.hostile.contents import BAD_CONTENTS, UNKNOWN_CERTIFICATE_IDS
from tests.hostile.tokens import BAD_TOKENS
from tests.sender import (
    FOREIGN_STATE_KEY,
    OTHER_TENANT,
    PREVIOUS_STATE_KEY,
    STRANGER,
    TENANT,
    Sender,
    basic_item,
    body,
    client_state,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A body and its fate; ``others``: how many items are not published, by what becomes of them."""

    body: bytes
    status: int = 202
    published: int = 0
    others: Mapping[str, int] = field(default_factory=dict)


def _refused(kind: str, *items: Any, tokens: Any = ()) -> Post:
    return Post(body=body(*items, tokens=tokens), others={kind: len(items)})


NOT_A_COLLECTION: Mapping[str, Callable[[Sender], Post]] = {
    "nothing": lambda _: Post(body=b"", status=400),
    "not JSON": lambda _: Post(body=b"validationToken=x", status=400),
    "cut off": lambda graph: Post(body=graph.rich_body()[:-1], status=400),
    # Peers' hole 19: json.loads on bytes sniffs UTF-16.
    "UTF-16": lambda graph: Post(body=graph.rich_body().decode().encode("utf-16"), status=400),
    "a byte order mark": lambda graph: Post(body=b"\xef\xbb\xbf" + graph.rich_body(), status=400),
    "not UTF-8": lambda _: Post(body=b'{"value": ["\xff"]}', status=400),
    "4 MiB and a byte": lambda _: Post(body=b" " * (4 * 1024 * 1024 + 1), status=413),
    "4 MiB of nothing": lambda _: Post(body=b" " * (4 * 1024 * 1024), status=400),
    "more items than Graph could send": lambda _: Post(body=body(*["x" * 40] * 10_001), status=413),
    "two million items": lambda _: Post(body=b'{"value": [' + b"0," * 2_000_000 + b"0]}", status=400),
    "20 KB of zeros": lambda _: Post(body=b'{"value": [' + b"0," * 10_000 + b"0]}", status=400),
    # Peers' hole 5: answered with 500, so that Graph retries for four hours.
    "an empty object": lambda _: Post(body=b"{}", status=400),
    "a list": lambda _: Post(body=b"[]", status=400),
    "null": lambda _: Post(body=b"null", status=400),
    "value null": lambda _: Post(body=b'{"value": null}', status=400),
    "value an object": lambda _: Post(body=b'{"value": {}}', status=400),
    "value a text": lambda _: Post(body=b'{"value": "x"}', status=400),
    "NaN": lambda _: Post(body=b'{"value": [], "x": NaN}', status=400),
    "nested beyond measure": lambda _: Post(body=b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", status=400),
}

ITEMS: Mapping[str, Callable[[Sender], Post]] = {
    "no items": lambda _: Post(body=body()),
    "items that are no objects": lambda _: _refused("dropped", *[None, True, 0, "", [], 1.5]),
    "an empty item": lambda _: _refused("dropped", {}),
    "a bad item between good ones": lambda _: Post(
        body=body(basic_item(), None, basic_item()), published=2, others={"dropped": 1}
    ),
    # Peers' hole 8: only the first item handled, or only the first item's client state checked.
    "a forged item behind a good one": lambda _: Post(
        body=body(basic_item(), basic_item(clientState="x")), published=1, others={"dropped": 1}
    ),
    "a good item behind a forged one": lambda _: Post(
        body=body(basic_item(clientState="x"), basic_item()), published=1, others={"dropped": 1}
    ),
    # Peers' hole 6: a deleted item without encrypted content is never answered.
    "a deleted item without content": lambda graph: Post(
        body=body(basic_item(changeType="deleted"), tokens=[graph.token()]), published=1
    ),
    "the same item twice": lambda graph: Post(body=graph.rich_body(*[graph.rich_item()] * 2), published=2),
    "1,000 items": lambda _: Post(body=body(*[basic_item()] * 1000), published=1000),
    "a change of an unknown type": lambda _: Post(body=body(basic_item(changeType="restored")), published=1),
    "an authentic item without a property that it needs": lambda _: Post(
        body=body(basic_item(), basic_item(resource=None)), published=1, others={"malformed": 1}
    ),
    "a number beyond a double": lambda _: Post(
        body=body(basic_item(resourceData={"n": 0.5}), basic_item()).replace(b"0.5", b"1e400"),
        published=1,
        others={"malformed": 1},
    ),
    "an expiration from hours before": lambda _: Post(
        body=body(basic_item(subscriptionExpirationDateTime="2026-11-01T00:00:00Z")), others={"expired": 1}
    ),
    # What nobody needs is skipped, however large a number is.
    "an unknown number of 5,000 digits": lambda _: Post(
        body=b'{"x": ' + b"9" * 5000 + b", " + body(basic_item())[1:], published=1
    ),
    "unknown properties": lambda _: Post(body=body(basic_item(brandNew={"a": [1, 2]})), published=1),
    "a bare item": lambda _: Post(body=json.dumps(basic_item()).encode(), published=1),
}

# Peers' hole 9: one global constant, compared with ==, not checked on encrypted or lifecycle items.
CLIENT_STATES: Mapping[str, Callable[[Sender], Post]] = {
    "missing": lambda _: _refused("dropped", {k: v for k, v in basic_item().items() if k != "clientState"}),
    "null": lambda _: _refused("dropped", basic_item(clientState=None)),
    "wrong": lambda _: _refused("dropped", basic_item(clientState="bobState")),
    "of a foreign key": lambda _: _refused("dropped", basic_item(clientState=client_state(key=FOREIGN_STATE_KEY))),
    "of another tenant": lambda _: _refused("dropped", basic_item(clientState=client_state(OTHER_TENANT))),
    "of a tenant that is not served": lambda _: _refused(
        "tenant-not-served", basic_item(tenantId=STRANGER, clientState=client_state(STRANGER))
    ),
    "wrong on a rich item": lambda graph: _refused("dropped", graph.rich_item(clientState="x"), tokens=[graph.token()]),
    "wrong on a lifecycle event": lambda _: _refused(
        "dropped", basic_item(changeType=None, lifecycleEvent="missed", clientState="x")
    ),
    "of the previous key": lambda _: Post(
        body=body(basic_item(clientState=client_state(key=PREVIOUS_STATE_KEY))), published=1
    ),
    "good, on a lifecycle event of an organizationId": lambda _: Post(
        body=body(
            {
                "subscriptionId": "10493aa0-4d29-4df5-bc0c-ef742cc6cd7f",
                "organizationId": TENANT,
                "clientState": client_state(),
                "lifecycleEvent": "reauthorizationRequired",
            }
        ),
        published=1,
    ),
}


def _tokens(graph: Sender, tokens: Any) -> Post:
    """Return a rich and a basic item with ``tokens``: only the rich one depends on them."""
    return Post(body=body(graph.rich_item(), basic_item(), tokens=tokens), published=1, others={"validation-token": 1})


TOKENS: Mapping[str, Callable[[Sender], Post]] = {
    # Peers' holes 1 and 5: the check never runs, is skipped when the field is absent, or ends in a 500.
    "none": lambda graph: _tokens(graph, ()),
    "an empty list": lambda graph: _tokens(graph, []),
    "null": lambda graph: _tokens(graph, None),
    "an object": lambda graph: _tokens(graph, {}),
    "a text": lambda graph: _tokens(graph, graph.token()),
    "null in the list": lambda graph: _tokens(graph, [None]),
    "a number in the list": lambda graph: _tokens(graph, [7]),
    "of another tenant": lambda graph: _tokens(graph, [graph.token(tenant_id=OTHER_TENANT)]),
    # Graph mixes the items of several apps that use one URL, each with a token of its own.
    "bad ones beside a good one": lambda graph: Post(
        body=body(graph.rich_item(), tokens=["garbage", None, graph.token(), graph.token(audience=STRANGER)]),
        published=1,
    ),
} | {name: lambda graph, make=make: _tokens(graph, [make(graph)]) for name, make in BAD_TOKENS.items()}

CONTENTS: Mapping[str, Callable[[Sender], Post]] = {
    name: lambda graph, make=make: Post(
        body=graph.rich_body(graph.rich_item(encryptedContent=make(graph)), graph.rich_item()),
        published=1,
        others={"undecryptable": 1},
    )
    for name, make in BAD_CONTENTS.items()
} | {
    f"certificate id: {name}": lambda graph, certificate_id=certificate_id: Post(
        body=graph.rich_body(
            graph.rich_item(encryptedContent=graph.encrypted(encryptionCertificateId=certificate_id)), graph.rich_item()
        ),
        published=1,
        others={"certificate-unknown" if re.fullmatch("[0-9a-f]{32}", str(certificate_id)) else "undecryptable": 1},
    )
    for name, certificate_id in UNKNOWN_CERTIFICATE_IDS.items()
}

POSTS: Mapping[str, Callable[[Sender], Post]] = {
    f"{group}: {name}": make
    for group, posts in (
        ("no collection", NOT_A_COLLECTION),
        ("items", ITEMS),
        ("client state", CLIENT_STATES),
        ("tokens", TOKENS),
        ("content", CONTENTS),
    )
    for name, make in posts.items()
}

# JSON texts, because some of them cannot be written from a Python value.
NASTY: Mapping[str, str] = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "minus one": "-1",
    "1e400": "1e400",
    "empty text": '""',
    "lone surrogate": '"\\ud800"',
    "control characters": '"\\r\\nX-Evil: 1\\u0000"',
    "1 MB of text": json.dumps("x" * 1_000_000),
    "empty list": "[]",
    "empty object": "{}",
    "10,000 deep": "[" * 10_000 + "]" * 10_000,
    "5,000 deep": "[" * 5_000 + "]" * 5_000,
}

_PLACE = "the place for something nasty"


def replaced(graph: Sender) -> Iterator[tuple[str, bytes]]:
    """Return a good rich body with each of its nodes in turn replaced by each nasty value."""
    document = json.loads(graph.rich_body())
    for path in _paths(document):
        template = json.dumps(_with_place(document, path))
        for name, text in NASTY.items():
            yield f"{'/'.join(map(str, path))} = {name}", template.replace(json.dumps(_PLACE), text).encode()


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from _paths(child, (*path, key))


def _with_place(node: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return _PLACE
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = _with_place(node[path[0]], path[1:])
    return copy
