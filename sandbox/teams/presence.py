"""How present people are: their clients tell, and nothing of it is kept.

Source: https://learn.microsoft.com/en-us/graph/changenotifications-for-presence
"""

from collections.abc import Mapping
from types import MappingProxyType

from sandbox.teams.kind import Kind

PRESENCE: Mapping[str, Kind] = MappingProxyType(
    {
        "presence": Kind(
            path="communications/presences/{user}",
            odata_type="#Microsoft.Graph.presence",
            resources=("communications/presences/{user}",),
            odata_id="users/{user}/presence",
            id="{user}",
            extras={"organizationId": "{tenant}"},
            body={"id": "{id}", "availability": "Available", "activity": "Available"},
        )
    }
)
