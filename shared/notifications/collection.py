"""The body of Graph's POST as values.

A POST is parsed in two steps, because anyone can send one. First its items are ``ReceivedItem``: just enough to check
who signed them. Only an item that is authentic is then parsed as a ``ChangeNotification``.

The parser tolerates what varies between Graph's notifications: the case of property names, unknown properties and enum
values, empty texts for absent ones, and an item without the ``value`` wrapper. It rejects what could harm the app:
bodies that cost more to parse than a genuine one, other encodings than UTF-8, numbers that JSON does not have, and
control characters in strings that are logged.

Source: https://learn.microsoft.com/graph/api/resources/changenotificationcollection
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from shared.errors import Malformed, TooLarge
from shared.notifications.json_text import parse_untrusted_json

# Graph documents no limit for a POST; observed bodies are a few hundred kilobytes.
MAX_BODY_BYTES = 4 * 1024 * 1024

# A body holds fewer genuine items, of 500 bytes or more. Without a limit, an attacker could post two million zeros.
MAX_ITEMS = 10_000

# Three times the longest documented path. An event's type and subject come from these strings. Each character may need
# twelve bytes in JSON, and both must fit into a queue message.
MAX_TEXT = 1536

# Graph's objects have a dozen properties; an object of thousands is a stranger's, and only costs time.
_MAX_PROPERTIES = 100

# The properties of a POST in Graph's spelling; published samples vary in case.
_PROPERTY_NAMES = frozenset(
    """
    changeType clientState data dataKey dataSignature encryptedContent encryptionCertificateId
    encryptionCertificateThumbprint id lifecycleEvent organizationId resource resourceData
    subscriptionExpirationDateTime subscriptionId tenantId validationTokens value
    """.split()  # noqa: SIM905  a list of one name a line would fill the page
)
_GRAPH_SPELLING: Mapping[str, str] = {name.lower(): name for name in _PROPERTY_NAMES}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedContent:
    """``changeNotificationEncryptedContent``, each field as received.

    Source: https://learn.microsoft.com/graph/api/resources/changenotificationencryptedcontent
    """

    data: str = field(repr=False)
    data_key: str = field(repr=False)
    data_signature: str = field(repr=False)
    encryption_certificate_id: str

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the content, with "" for each field that is no text; raise Malformed if ``value`` is not an object."""
        fields = _with_graph_spelling(value)
        parts = (fields.get(name) for name in ("data", "dataKey", "dataSignature", "encryptionCertificateId"))
        # Every later check rejects "".
        data, data_key, signature, certificate_id = (part if isinstance(part, str) else "" for part in parts)
        return cls(data=data, data_key=data_key, data_signature=signature, encryption_certificate_id=certificate_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedItem:
    """One item of a POST before anyone knows who sent it: what its client state signs, and the JSON as received."""

    tenant_id: str
    client_state: str | None = field(repr=False)
    raw: Any = field(repr=False)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the item, with ``tenant_id`` in lower case.

        Raises:
            Malformed: ``value`` is not an object, or names no tenant.
        """
        fields = _with_graph_spelling(value)
        client_state = fields.get("clientState")
        return cls(
            tenant_id=_tenant_id(fields),
            client_state=client_state if isinstance(client_state, str) else None,
            raw=value,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNotification:
    """One item: a change (``change_type`` and ``resource`` set) or a lifecycle event (``lifecycle_event`` set).

    Source: https://learn.microsoft.com/graph/api/resources/changenotification
    """

    subscription_id: str
    tenant_id: str
    subscription_expiration: str | None
    change_type: str | None
    lifecycle_event: str | None
    resource: str | None
    resource_data: Mapping[str, Any] = field(repr=False)
    encrypted_content: EncryptedContent | None

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the item, with ``tenant_id`` and the first letter of ``change_type`` in lower case.

        Raises:
            Malformed: ``value`` is not an object, or a required property is missing or has the wrong type.
        """
        fields = _with_graph_spelling(value)
        lifecycle_event = _optional_text(fields, "lifecycleEvent")
        is_change = lifecycle_event is None
        encrypted = fields.get("encryptedContent")
        return cls(
            subscription_id=_required_text(fields, "subscriptionId"),
            tenant_id=_tenant_id(fields),
            subscription_expiration=_optional_text(fields, "subscriptionExpirationDateTime"),
            change_type=_lower_first(_required_text(fields, "changeType")) if is_change else None,
            lifecycle_event=lifecycle_event,
            # That of a lifecycle notification, such as "Subscriptions/<id>", says nothing that the id does not say.
            resource=_required_text(fields, "resource") if is_change else None,
            resource_data=_object(fields, "resourceData"),
            encrypted_content=None if encrypted is None else EncryptedContent.from_json(encrypted),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNotificationCollection:
    """A POST body, or the part of one that is stored. ``value`` leaves out whatever names no tenant.

    ``length``: how many items the body has. ``positions``: the position of each item in the POST that Graph sent.
    """

    value: tuple[ReceivedItem, ...]
    validation_tokens: tuple[str, ...] = field(repr=False)
    length: int
    positions: tuple[int, ...]

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Return the collection in ``body``.

        Raises:
            TooLarge: over ``MAX_BODY_BYTES`` or ``MAX_ITEMS``.
            Malformed: not JSON in UTF-8, denser than Graph's, or neither a collection nor a single item.
        """
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"over {MAX_BODY_BYTES} bytes")
        fields = _with_graph_spelling(parse_untrusted_json(body))
        # Articles of 2021 and 2022 show basic notifications without the wrapper.
        items = [fields] if "value" not in fields and "subscriptionId" in fields else fields.get("value")
        if not isinstance(items, list):
            raise Malformed("not a collection of change notifications")
        if len(items) > MAX_ITEMS:
            raise TooLarge(f"over {MAX_ITEMS} items")
        positions = _positions(fields.get(_POSITIONS), len(items))
        found = zip(positions, map(_item_or_none, items), strict=True)
        received = [(position, item) for position, item in found if item is not None]
        return cls(
            value=tuple([item for _, item in received]),
            validation_tokens=_validation_tokens(fields.get("validationTokens")),
            length=len(items),
            positions=tuple([position for position, _ in received]),
        )


# A property of stored bodies. Graph sends none; a stranger's could only distinguish items that he can sign.
_POSITIONS = "positions"


def _positions(value: Any, length: int) -> Sequence[int]:
    is_stored = isinstance(value, list) and len(value) == length and all(type(each) is int for each in value)
    return value if is_stored else range(length)


def _item_or_none(value: Any) -> ReceivedItem | None:
    # Errors cost more than parsing.
    if not isinstance(value, dict) or {"tenantid", "organizationid"}.isdisjoint(map(str.lower, value)):
        return None
    try:
        return ReceivedItem.from_json(value)
    except Malformed:
        return None


def _validation_tokens(value: Any) -> tuple[str, ...]:
    return tuple([token for token in value if isinstance(token, str)]) if isinstance(value, list) else ()


def _with_graph_spelling(value: Any) -> Mapping[str, Any]:
    """Return an object with Graph's spelling of its names: ``encryptedContent`` and ``EncryptedContent`` both occur."""
    if not isinstance(value, dict):
        raise Malformed("not an object")
    if value.keys() <= _PROPERTY_NAMES or len(value) > _MAX_PROPERTIES:
        return value
    return {_GRAPH_SPELLING.get(key.lower(), key): item for key, item in value.items()}


def _optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    """Return a property that may be absent or empty; it is printable (no lone surrogates), so that it can be logged."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise Malformed(f"{name} is not a short printable string")
    return value


def _required_text(fields: Mapping[str, Any], name: str) -> str:
    value = _optional_text(fields, name)
    if value is None:
        raise Malformed(f"{name} is missing")
    return value


def _tenant_id(fields: Mapping[str, Any]) -> str:
    # Some lifecycle, presence and meeting notifications have organizationId instead.
    tenant_id = _optional_text(fields, "tenantId") or _optional_text(fields, "organizationId")
    if tenant_id is None:
        raise Malformed("tenantId is missing")
    return tenant_id.lower()


def _object(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = fields.get(name)
    if value is None or isinstance(value, dict):
        return value or {}
    raise Malformed(f"{name} is not an object")


def _lower_first(text: str) -> str:
    # Articles of 2021 show "Created" where the reference says "created".
    return text[:1].lower() + text[1:]


def to_json(items: Iterable[ReceivedItem], validation_tokens: Sequence[str], positions: Sequence[int]) -> bytes:
    """Return a POST of ``items`` as received, with encrypted content, client states and their positions.

    Raises:
        RecursionError, ValueError: an item is too deeply nested, or has a number that JSON does not have.
    """
    value = [item.raw for item in items]
    document = {"value": value, "validationTokens": list(validation_tokens), _POSITIONS: list(positions)}
    return json.dumps(document, allow_nan=False).encode()
