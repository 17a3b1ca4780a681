"""A tenant with everything that the rest of the catalogue reports on, and every kind of change to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.teams import Path, Teams
from shared.resources.catalogue import CATALOGUE, OVERVIEW_RESOURCES, ResourceType

APP_ID = "95eae4f6-3fcc-429b-9a30-daf93f8f0bb4"
CALL_ID = "1c9ddbc9-82be-46b6-8edd-bf833fe33a03"
JOIN_WEB_URL = (
    "https://teams.microsoft.com/l/meetup-join/19%3ameeting_ZmYw%40thread.v2/0?context=%7b%22Tid%22%3a%22t%22%7d"
)
MEETING_ID = "MSo5NzZmNGIzMS1mZDAxLTRlMGItOTE3OC0yOWNjNDBjMTQ0Mzg="
POLICY = "EmergencyPolicy"

# What the app may subscribe to without a user.
ROWS = tuple(row for row in CATALOGUE if row not in OVERVIEW_RESOURCES and row.permissions.application)
_WORK = tuple(row.type_name for row in ROWS if "/schedule/" in row.path or row.type_name == "approvalItem")


class Surroundings:
    """One of everything, in one tenant."""

    def __init__(self, teams: Teams, tenant_id: str) -> None:
        self._teams, self._tenant_id = teams, tenant_id
        self._people = [teams.add_user(tenant_id, name) for name in ("Adele Vance", "Alex Wilber", "Megan Bowen")]
        self.chat = teams.chats.create(self._people[:2], topic="Stand-up")
        self._team = teams.teams.create(self._people[0], "Marketing")
        self._private = teams.channels.create(self._team, "Launch", membership_type="private")
        self._shared = teams.channels.create(self._team, "Suppliers", membership_type="shared")
        self._webinar = self._make("webinar")
        self._townhall = self._make("townhall")
        self._installation = teams.others.install(APP_ID, tenant_id, self.chat)

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
        for name, value in self._ids().items():
            path = path.replace(name, value)
        return path

    def write(self, text: str) -> Path:
        """Return the path of a message in the chat."""
        return self._teams.messages.send(self.chat, self._people[0], text)

    def live_a_day(self) -> None:
        """Make every kind of change that there is to every kind of thing."""
        self._chats()
        self._memberships()
        self._meetings_and_calls()
        self._events()
        for kind in _WORK:
            self._come_and_go(kind)
        self._come_and_go("aiInteraction")
        team_wide = self._teams.others.install(APP_ID, self._tenant_id, self._team)
        self._teams.others.update(team_wide)
        self._teams.others.uninstall(team_wide)

    def _ids(self) -> Mapping[str, str]:
        return {
            "{app-id}": APP_ID,
            "{call-id}": CALL_ID,
            "{channel-id}": self._shared[-1],
            "{ids}": f"['{self._people[0].id}', '{self._people[1].id}']",
            "{meeting-id}": MEETING_ID,
            "{name}": f"'{POLICY}'",
            "{team-id}": self._team[1],
            "{townhall-id}": self._townhall[-1],
            "{url}": f"'{_encoded(JOIN_WEB_URL)}'",
            "{user-id}": self._people[0].id,
            "{webinar-id}": self._webinar[-1],
        }

    def _names(self) -> Mapping[str, str]:
        return {
            "appClass": "IPM.SkypeTeams.Message.Copilot.Teams",
            "call": CALL_ID,
            "eventType": "callStarted",
            "joinWebUrl": JOIN_WEB_URL,
            "meeting": MEETING_ID,
            "organizer": self._people[0].id,
            "policy": POLICY,
            "team": self._team[1],
            "user": self._people[0].id,
        }

    def _make(self, kind: str, **names: str) -> Path:
        adele = self._people[0].id
        context = {"organizer": (adele,), "user": (adele,), "app": (APP_ID,)}
        return self._teams.others.create(kind, self._tenant_id, {**self._names(), **names}, context=context)

    def _come_and_go(self, kind: str) -> None:
        thing = self._make(kind)
        self._teams.others.update(thing)
        self._teams.others.delete(thing)

    def _chats(self) -> None:
        chats, messages = self._teams.chats, self._teams.messages
        message = self.write("Grüße 👋")
        messages.edit(message, "Good morning")
        messages.delete(message)
        member = chats.add_member(self.chat, self._people[2])
        chats.set_roles(member, ("owner",))
        chats.remove_member(member)
        # The app comes with a second chat at once: it hears of that chat's creation.
        chats.create(self._people[1:], topic="Lunch", app_ids=(APP_ID,))
        chats.create([self._people[0], self._people[2]])

    def _memberships(self) -> None:
        teams, channels = self._teams.teams, self._teams.channels
        member = teams.add_member(self._team, self._people[1])
        teams.set_roles(member, ("owner",))
        teams.remove_member(member)
        member = channels.add_member(self._private, self._people[1])
        channels.set_roles(member, ("owner",))
        channels.remove_member(member)
        suppliers = teams.create(self._people[2], "Fabrikam")
        channels.sharing.unshare(channels.sharing.share(self._shared, suppliers))

    def _meetings_and_calls(self) -> None:
        others = self._teams.others
        for kind in ("callTranscript", "callRecording", "adHocTranscript", "adHocTranscript"):
            self._make(kind)
        for _ in range(2):
            self._make("adHocRecording")
        others.update(self._make("callRecord"))
        for event in ("callStarted", "callEnded"):
            others.occur("callEvent", self._tenant_id, {**self._names(), "eventType": event})
        others.occur("emergencyCallEvent", self._tenant_id, self._names())

    def _events(self) -> None:
        for event, kind in ((self._webinar, "webinar"), (self._townhall, "townhall")):
            self._make(kind)
            self._teams.others.update(event)
            self._teams.others.update(self._make(f"{kind}Session", **{kind: event[-1]}))
        self._teams.others.update(self._make("registration", webinar=self._webinar[-1]))


def _encoded(url: str) -> str:
    """Return a URL with percent signs for all that is special in a URL, as the article shows."""
    return "".join(letter if letter.isalnum() or letter in "-._~" else f"%{ord(letter):02X}" for letter in url)
