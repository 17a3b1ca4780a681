"""What is noted of a POST that is kept for later, and the body of one that holds the refused items only.

Source: https://learn.microsoft.com/graph/api/resources/changenotificationcollection
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.authenticity import Authentic


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One kept body, but for its content. ``kind`` says why it is kept, ``fetch`` is the parameter of its URL.

    ``name`` and ``etag`` are the blob's; they are empty in what has not been kept.
    """

    kind: str
    received_at: datetime
    fetch: str | None
    attempts: int = 0
    retry_at: datetime | None = None
    name: str = ""
    etag: str = field(default="", repr=False)


def body_of(items: Iterable[Authentic], validation_tokens: Sequence[str]) -> bytes:
    """Return a POST of ``items`` as they were received, encrypted content and client states included.

    Raises:
        ValueError: an item that JSON cannot repeat.
    """
    value = [item.received for item in items]
    try:
        return json.dumps({"value": value, "validationTokens": list(validation_tokens)}).encode()
    except RecursionError as exc:
        raise ValueError("an item that is nested too deeply") from exc
