"""The paths of the resources that notifications are about: the only ones that the app reads on a notification's word.

Anyone who has a client state can post any path, and the app's permissions may reach further than its subscriptions. A
row is a canonical path in which ``*`` stands for an id. Resources that Graph has no GET for are left out.

Source: the articles that ``shared.resources.catalogue`` names
"""

import re

_SHIFTS = ("offerShiftRequests", "openShiftChangeRequests", "shifts", "swapShiftsChangeRequests", "timeOffRequests")

_ITEM_PATHS = frozenset(
    {
        "appCatalogs/teamsApps/*/installations/*",
        "chats/*",
        "chats/*/installedApps/*",
        "chats/*/members/*",
        "chats/*/messages/*",
        "communications/callRecords/*",
        "communications/presences/*",
        "solutions/approval/approvalItems/*",
        "solutions/virtualEvents/events/*",
        "solutions/virtualEvents/townhalls/*",
        "solutions/virtualEvents/townhalls/*/sessions/*",
        "solutions/virtualEvents/webinars/*",
        "solutions/virtualEvents/webinars/*/registration/registrants/*",
        "solutions/virtualEvents/webinars/*/registrations/*",
        "solutions/virtualEvents/webinars/*/sessions/*",
        "teams/*",
        "teams/*/channels/*",
        "teams/*/channels/*/allMembers/*",
        "teams/*/channels/*/members/*",
        "teams/*/channels/*/messages/*",
        "teams/*/channels/*/messages/*/replies/*",
        "teams/*/channels/*/sharedWithTeams/*",
        "teams/*/installedApps/*",
        "teams/*/members/*",
        "users/*/chats/*",
        "users/*/chats/*/messages/*",
        "users/*/installedApps/*",
        *(f"teams/*/schedule/{name}/*" for name in _SHIFTS),
        *(
            f"{owner}/{meetings}/*/{name}/*"
            for owner in ("communications", "users/*")
            for meetings in ("adhocCalls", "onlineMeetings")
            for name in ("recordings", "transcripts")
        ),
    }
)


def is_item_path(path: str) -> bool:
    """Return whether ``path``, in its canonical spelling, is that of a resource that notifications are about."""
    segments = path.split("/")
    return not any(map(_FUNCTION.fullmatch, segments)) and any(
        len(row) == len(segments) and all(name in {"*", segment} for name, segment in zip(row, segments, strict=True))
        for row in _ROWS
    )


_ROWS = tuple(tuple(path.split("/")) for path in _ITEM_PATHS)
# What Graph would not take for an id.
_FUNCTION = re.compile(r"\$.*|delta.*|getall.*", re.IGNORECASE)
