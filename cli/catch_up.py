"""The permissions that reading back what was missed needs beyond those of watching.

Source: docs/operations.md, "What is read, and with which permission"
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

_PEOPLE = "User.Read.All"
_NEEDED: Mapping[str, Sequence[Sequence[str]]] = {
    "/chats": ((_PEOPLE,),),
    "/chats/getallmessages": ((_PEOPLE,),),
    "/chats/getallmembers": ((_PEOPLE,), ("Chat.ReadBasic.All", "Chat.Read.All", "Chat.ReadWrite.All")),
    "/teams/getallmessages": (("Team.ReadBasic.All",),),
    "/teams/getallchannels": (("Team.ReadBasic.All",),),
    "/teams/getallmembers": (("Team.ReadBasic.All",),),
    "/teams/getallchannels/getallmembers": (("Team.ReadBasic.All",), ("Channel.ReadBasic.All",)),
}


def needs_of_gaps(resources: Iterable[str]) -> Sequence[Sequence[str]]:
    """Return what catching up on resources needs, of which each needs one; nothing for a single team or chat."""
    found = [tuple(each) for resource in resources for each in _NEEDED.get(resource.partition("?")[0].lower(), ())]
    return list(dict.fromkeys(found))


def needed_for_gaps(resource: str) -> Sequence[str]:
    """Return the least privileged permissions that catching up on a resource needs."""
    return [each[0] for each in needs_of_gaps([resource])]


def lacking_for_gaps(resources: Iterable[str], granted: Collection[str]) -> Sequence[str]:
    """Return the least privileged permissions that are missing to catch up on these resources."""
    return sorted({each[0] for each in needs_of_gaps(resources) if not set(each) & set(granted)})
