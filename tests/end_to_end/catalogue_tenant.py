"""A tenant in which every resource of the rest of the catalogue changes in every documented way."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sandbox.teams import Path, Teams
from sandbox.teams.sample_items import NAMES, SAMPLE_ITEMS
from shared.resources.catalogue import CATALOGUE, OVERVIEW_RESOURCES, ResourceType

# What the app may subscribe to without a user.
ROWS = tuple(row for row in CATALOGUE if row not in OVERVIEW_RESOURCES and row.permissions.application)


class CatalogueTenant:
    """One of each kind of chat, team and channel, and the sample items."""

    def __init__(self, teams: Teams, tenant_id: str) -> None:
        self._teams = teams
        self._people = [teams.add_user(tenant_id, name) for name in ("Adele Vance", "Alex Wilber", "Megan Bowen")]
        self._chat = teams.chats.create(self._people[:2], topic="Stand-up", app_ids=(NAMES["app"],))
        self._team = teams.teams.create(self._people[0], "Marketing")
        self._private = teams.channels.create(self._team, "Launch", membership_type="private")
        self._shared = teams.channels.create(self._team, "Suppliers", membership_type="shared")
        self._placeholders = {
            "{app-id}": NAMES["app"],
            "{call-id}": NAMES["call"],
            "{channel-id}": self._shared[-1],
            "{ids}": f"['{self._people[0].id}', '{self._people[1].id}']",
            "{meeting-id}": NAMES["meeting"],
            "{name}": f"'{NAMES['policy']}'",
            "{team-id}": self._team[1],
            "{townhall-id}": NAMES["townhall"],
            "{url}": f"'{quote(NAMES['joinWebUrl'], safe='')}'",
            "{user-id}": self._people[0].id,
            "{webinar-id}": NAMES["webinar"],
        }

    def subscriptions(self) -> Sequence[Mapping[str, Any]]:
        """Return entries for ``subscriptions.json``: with resource data wherever there are any."""
        return [
            {
                "resource": self.filled(row),
                "changeType": ",".join(sorted(row.change_types)),
                "includeResourceData": row.resource_data,
            }
            for row in ROWS
        ]

    def filled(self, row: ResourceType) -> str:
        """Return a row's path with the ids of this tenant."""
        path = row.path
        for name, value in self._placeholders.items():
            path = path.replace(name, value)
        return path

    def write(self, text: str) -> Path:
        """Return the path of a message in the chat."""
        return self._teams.messages.send(self._chat, self._people[0], text)

    def change_everything(self) -> None:
        """Make every documented change to every resource."""
        self._change_chats()
        self._change_memberships()
        for name, row in SAMPLE_ITEMS.items():
            for change_type in row.change_types:
                self._teams.samples.report(name, self._people[0], change_type, team=self._team[1])

    def _change_chats(self) -> None:
        chats, messages = self._teams.chats, self._teams.messages
        message = self.write("Grüße 👋")
        messages.edit(message, "Good morning")
        messages.delete(message)
        member = chats.add_member(self._chat, self._people[2])
        chats.set_roles(member, ("owner",))
        chats.remove_member(member)
        # An app is notified of the creation of a chat that begins with it.
        chats.create([self._people[0], self._people[2]], topic="Lunch", app_ids=(NAMES["app"],))

    def _change_memberships(self) -> None:
        teams, channels = self._teams.teams, self._teams.channels
        member = teams.add_member(self._team, self._people[1])
        teams.set_roles(member, ("owner",))
        teams.remove_member(member)
        member = channels.add_member(self._private, self._people[1])
        channels.set_roles(member, ("owner",))
        channels.remove_member(member)
        suppliers = teams.create(self._people[2], "Fabrikam")
        channels.sharing.unshare(channels.sharing.share(self._shared, suppliers))
