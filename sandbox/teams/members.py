"""What does a membership of a chat, team or channel look like? As Graph returns it.

Source: https://learn.microsoft.com/en-us/graph/api/resources/aaduserconversationmember
"""

from collections.abc import Sequence

from sandbox.teams.values import Entity, User


def membership(user: User, member_id: str, *, roles: Sequence[str] = ()) -> Entity:
    """Return the entity of one person's membership."""
    return {
        "userId": user.id,
        "email": user.email,
        "tenantId": user.tenant_id,
        "id": member_id,
        "roles": list(roles),
        "displayName": user.display_name,
        # A new member sees everything: the service's way of saying "from the beginning".
        "visibleHistoryStartDateTime": "1970-01-01T00:00:00Z",
        "user": None,
    }
