"""What do the ids of Teams look like? They are the same ones for the same seed."""

import base64
import random
import uuid


class Ids:
    """A source of ids; nothing here is secret, so a seeded generator is what is wanted."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable ids of a simulation, not keys

    def guid(self) -> str:
        """Return a random GUID (users, tenants, teams)."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def thread(self, kind: str) -> str:
        """Return the id of a conversation: ``thread.v2`` for group chats, ``thread.tacv2`` for channels."""
        return f"19:{self._random.getrandbits(128):032x}@{kind}"


def one_on_one(first_user_id: str, second_user_id: str) -> str:
    """Return the id of the one chat that two people have with each other."""
    return f"19:{'_'.join(sorted((first_user_id, second_user_id)))}@unq.gbl.spaces"


def member(*parts: str) -> str:
    """Return the id of a membership: what it joins, in Base64.

    Source: https://learn.microsoft.com/en-us/graph/api/conversationmember-get (the ids of its examples, decoded)
    """
    return base64.b64encode("##".join(parts).encode()).decode()
