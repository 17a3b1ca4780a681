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


def needed_for_gaps(resource: str) -> Sequence[str]:
    """Return the least privileged permissions that catching up needs; nothing for a single team or chat."""
    return [each[0] for each in _NEEDED.get(resource.partition("?")[0].lower(), ())]


def lacking_for_gaps(resources: Iterable[str], granted: Collection[str]) -> Sequence[str]:
    """Return the least privileged permissions that are missing to catch up on these resources."""
    alternatives = [each for resource in resources for each in _NEEDED.get(resource.partition("?")[0].lower(), ())]
    return sorted({each[0] for each in alternatives if not set(each) & set(granted)})
