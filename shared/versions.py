"""What tells one change of a resource from the next: Graph's word where it gives one, and an id made of that.

Source: https://learn.microsoft.com/graph/api/resources/changenotification
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from shared.decryption import Content
from shared.notifications import ChangeNotification
from shared.resources import is_created_once


def stated_version(notification: ChangeNotification, content: Content | None, kind: str) -> str | None:
    """Return what Graph says to tell this change from the next one of the same kind to the same resource."""
    # A message can be deleted, restored and deleted again, and a member can come back.
    if notification.change_type == "created" and is_created_once(kind):
        return ""
    for name in ("etag", "lastModifiedDateTime"):
        value = content.resource.get(name) if content else None
        if isinstance(value, str) and value:
            return value
    return _etag(notification.resource_data)


def unstated_version(notification: ChangeNotification, content: Content | None, moment: str) -> str:
    """Return what tells the change from others where Graph says nothing."""
    if content is not None:
        return hashlib.sha256(content.text).hexdigest()
    if notification.notification_id is not None:
        return notification.notification_id
    # Two updates look the same without their content. An event too many is a nuisance; one too few is a loss.
    return moment


def _etag(resource_data: Mapping[str, Any]) -> str | None:
    value = resource_data.get("@odata.etag")
    return value if isinstance(value, str) and value else None


def stable_id(*parts: str) -> str:
    """Return a hash of ``parts``: an id of one length, free of what a path may hold."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8) + encoded)
    return digest.hexdigest()[:32]
