"""Whether a text names a person: by the id of their account, also where Teams hides it in another id.

The id of a membership is Base64 of ids that "##" separates, and that of a chat between two people has both of theirs.

Source: https://learn.microsoft.com/graph/api/resources/conversationmember
"""

import base64
import re

# A membership's id decodes to at least two GUIDs. Text of this kind has neither a plus sign nor a slash in Base64.
_BASE64 = re.compile(r"[A-Za-z0-9]{72,}")


def names(text: str, user_id: str) -> bool:
    """Return whether a text has the id of a person's account, a GUID in lower case."""
    return user_id in text.lower() or any(user_id in _decoded(found) for found in _BASE64.findall(text))


def _decoded(text: str) -> str:
    # One character more than whole groups stands for no byte.
    text = text[:-1] if len(text) % 4 == 1 else text
    return base64.b64decode(text + "=" * (-len(text) % 4)).decode("latin-1").lower()
