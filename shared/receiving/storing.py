"""How the items of a POST are stored that were not published: what goes into which blob.

What may work later is parked, as one blob for each tenant and reason. What will not is in quarantine, as one blob for
each item, whose name derives from the item: a copy does not grow the quarantine.
"""

import hashlib
from collections.abc import Mapping, Sequence

from shared.errors import EndpointProbe, Rejected
from shared.notifications.client_state import AuthenticItem
from shared.notifications.collection import to_json
from shared.receiving.item_publisher import ItemProblem, Post
from shared.receiving.post_store import PROBE, StoredPost

# A POST may have items of many tenants; what is left of them goes into one blob, which redriving splits.
MAX_PARKED_BLOBS = 16
MIXED = "mixed"


def counts_by_reason(problems: Mapping[int, ItemProblem], *, rejected: bool) -> Mapping[str, int]:
    """Return how many items are in quarantine (``rejected``), or parked, by reason."""
    counts: dict[str, int] = {}
    for problem in problems.values():
        if isinstance(problem, Rejected) is rejected:
            counts[problem.reason] = counts.get(problem.reason, 0) + 1
    return counts


def parked_groups(post: Post, problems: Mapping[int, ItemProblem]) -> Sequence[tuple[StoredPost, bytes]]:
    """Return the bodies to park, at most ``MAX_PARKED_BLOBS``, each with what to store about it."""
    groups: dict[tuple[str, str], list[int]] = {}
    for position, problem in problems.items():
        if not isinstance(problem, Rejected):
            groups.setdefault((post.items[position].tenant_id, problem.reason), []).append(position)
    if len(groups) > MAX_PARKED_BLOBS:
        largest_first = sorted(groups.items(), key=lambda group: -len(group[1]))
        rest = (position for _, positions in largest_first[MAX_PARKED_BLOBS - 1 :] for position in positions)
        groups = dict(largest_first[: MAX_PARKED_BLOBS - 1]) | {("", MIXED): sorted(rest)}
    return [_parked(post, sorted(positions), *key) for key, positions in groups.items()]


def quarantined_items(post: Post, problems: Mapping[int, ItemProblem]) -> Sequence[tuple[StoredPost, bytes]]:
    """Return the bodies to store in quarantine, one for each item, with what to store about it."""
    return [
        _quarantined(post, position, problem.reason)
        for position, problem in sorted(problems.items())
        if isinstance(problem, Rejected)
    ]


def _parked(post: Post, positions: Sequence[int], tenant_id: str, reason: str) -> tuple[StoredPost, bytes]:
    body = _body(post, positions)
    if reason == EndpointProbe.reason:
        return _stored_post(post, PROBE, tenant_id, reason), body
    # A POST that Graph repeats at once overwrites the blob. Names sort by time of receipt.
    name = f"{post.received_at:%Y/%m/%d/%H%M%S%f}-{reason}-{_hash(body)}.json"
    return _stored_post(post, name, tenant_id, reason), body


def _quarantined(post: Post, position: int, reason: str) -> tuple[StoredPost, bytes]:
    item, body = post.items[position], _body(post, [position])
    name = f"{item.tenant_id}/{reason}/{_item_hash(item)}.json"
    return _stored_post(post, name, item.tenant_id, reason), body


def _stored_post(post: Post, name: str, tenant_id: str, reason: str) -> StoredPost:
    return StoredPost(name=name, reason=reason, tenant_id=tenant_id, received_at=post.received_at, fetch=post.fetch)


def _body(post: Post, positions: Sequence[int]) -> bytes:
    return to_json([post.items[position].raw for position in positions], post.tokens, positions)


def _item_hash(item: AuthenticItem) -> str:
    """Return a hash of the item without its POST, whose tokens and positions differ between two copies."""
    return _hash(to_json([item.raw], (), ()))


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
