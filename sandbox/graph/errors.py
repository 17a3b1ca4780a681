"""What Graph says when it says no.

Source: https://learn.microsoft.com/en-us/graph/errors
"""


class Refused(Exception):
    """Graph's answer to a request that it does not carry out: a status, a code and a message.

    ``retry_after`` is in whole seconds, and goes out as a header, as ``location`` does.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None, location: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.location = location


def invalid(message: str) -> Refused:
    """Return the refusal of a request that can never succeed as it is."""
    return Refused(400, "InvalidRequest", message)


def from_teams(status: int, reason: str) -> Refused:
    """Return a refusal by the Teams service, which Graph wraps.

    Source: https://github.com/microsoftgraph/microsoft-graph-docs/issues/7182
    """
    words = {403: "Forbidden", 404: "NotFound", 409: "Conflict"}[status]
    return Refused(status, "ExtensionError", f"Operation: Create; Exception: [Status Code: {words}; Reason: {reason}]")


def gone() -> Refused:
    """Return the refusal for a subscription that has expired, was removed, or belongs to another app."""
    return Refused(404, "ResourceNotFound", "The object was not found.")
