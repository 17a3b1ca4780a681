"""Ids to fill the paths of the catalogue with."""

import re

from tests.sender import CHAT

USER = "8ea0e38b-efb3-4757-924a-5f94061cf8c2"
CHANNEL = "19:4a95f7d8db4c4e7fae857bcebe0623e6@thread.tacv2"
IDS = {
    "{chat-id}": CHAT,
    "{channel-id}": CHANNEL,
    "{url}": "'https%3A%2F%2Fteams'",
    "{name}": "'all'",
    "{ids}": f"['{USER}']",
}
ANY_ID = re.compile(r"\{[^}]*\}")
