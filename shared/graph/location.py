"""Where a notification's resource can be read at Graph: the notification in, a path out that stays in its place.

The resource is a text that arrived from outside. It names a resource below one version of Graph's API, and nothing
else: no other version, host, query or fragment.

Source: https://learn.microsoft.com/graph/use-the-api#call-a-rest-api-method
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import quote, unquote

from shared.errors import Malformed
from shared.notifications.client_state import AuthenticNotification
from shared.resources.paths import subject_of

_SEPARATOR = re.compile(r"[/\\]")


class ApiVersion(StrEnum):
    """The versions of Graph's API. Source: https://learn.microsoft.com/graph/versioning-and-support."""

    V1_0 = "v1.0"
    BETA = "beta"


def api_version(text: str | None) -> ApiVersion | None:
    """Return the version that ``text`` names, exactly; None for anything else."""
    return next((version for version in ApiVersion if version == text), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLocation:
    """A resource in one tenant; ``path`` is percent-encoded and begins with the version: "/v1.0/chats/19%3A...".

    Only ``from_notification`` makes one, so that whatever reads it need not check it.
    """

    tenant_id: str
    path: str

    @classmethod
    def from_notification(cls, notification: AuthenticNotification, version: ApiVersion) -> Self:
        """Return where the resource of a change is.

        Raises:
            Malformed: the resource would lead out of the version, or nowhere.
        """
        subject = subject_of(notification.resource or "", notification.resource_data)
        segments = [unquote(segment) for segment in subject.split("/")]
        if not all(_is_single_segment(segment) for segment in segments):
            raise Malformed("a resource that is no path below a version of Graph")
        # Ids hold what has a meaning in an address: 19:…@thread.tacv2, Base64 with + and /.
        path = "/".join(quote(segment, safe="") for segment in segments)
        return cls(tenant_id=notification.tenant_id, path=f"/{version}/{path}")


def _is_single_segment(segment: str) -> bool:
    """Return whether ``segment`` is one step down, however often somebody on the way decodes it."""
    # Encoded dots do not help: HTTP clients decode them, and then walk up.
    # Source: https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2.2
    parts = [part for part in _SEPARATOR.split(_fully_decoded(segment)) if part]
    return bool(parts) and all(part.strip(" .") for part in parts)


def _fully_decoded(text: str) -> str:
    while (decoded := unquote(text)) != text:
        text = decoded
    return text
