"""The path at which Graph has a notification's resource; it cannot leave its version of the API.

The resource is a text from outside. It may name a resource below one version, but no other version, host, query or
fragment.

Source: https://learn.microsoft.com/graph/use-the-api#call-a-rest-api-method
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import quote, unquote

from shared.errors import Malformed
from shared.notifications.client_state import AuthenticNotification
from shared.resources.item_paths import is_item_path
from shared.resources.paths import subject_of

_SEPARATOR = re.compile(r"[/\\]")


class ApiVersion(StrEnum):
    """The versions of Graph's API. Source: https://learn.microsoft.com/graph/versioning-and-support."""

    V1_0 = "v1.0"
    BETA = "beta"


def api_version(text: str | None) -> ApiVersion | None:
    """Return the version that ``text`` names exactly, or None."""
    return next((version for version in ApiVersion if version == text), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLocation:
    """A resource in one tenant; ``path`` is percent-encoded and begins with the version: "/v1.0/chats/19%3A...".

    Only ``from_notification`` creates one, so its readers need not check it.
    """

    tenant_id: str
    path: str

    @classmethod
    def from_notification(cls, notification: AuthenticNotification, version: ApiVersion) -> Self:
        """Return the location of a changed resource.

        Raises:
            Malformed: the path is not that of a kind of resource in the catalogue, or would lead out of its version.
        """
        subject = subject_of(notification.resource or "", notification.resource_data)
        if not is_item_path(subject):
            raise Malformed("not the path of a resource that notifications are about")
        segments = [unquote(segment) for segment in subject.split("/")]
        if not all(_is_single_segment(segment) for segment in segments):
            raise Malformed("a resource that is not a path below a version of Graph")
        # Ids contain characters that are special in a URL: 19:…@thread.tacv2, Base64 with + and /.
        path = "/".join(quote(segment, safe="") for segment in segments)
        return cls(tenant_id=notification.tenant_id, path=f"/{version}/{path}")


def _is_single_segment(segment: str) -> bool:
    """Return whether ``segment`` goes down exactly one step, however often it is percent-decoded."""
    # Encoded dots are not safe: HTTP clients decode them and then go up.
    # Source: https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2.2
    parts = [part for part in _SEPARATOR.split(_fully_decoded(segment)) if part]
    return bool(parts) and all(part.strip(" .") for part in parts)


def _fully_decoded(text: str) -> str:
    while (decoded := unquote(text)) != text:
        text = decoded
    return text
