"""The body of Graph's POST as values.

A POST is parsed in steps, because anyone can send one. First its items are text. Only an item that is authentic
(``client_state``) is then parsed as a ``ChangeNotification``. What nobody needs is never built.

The parser tolerates what varies between Graph's notifications: the case of property names, unknown properties and enum
values, empty texts for absent ones, and an item without the ``value`` wrapper. It rejects what could harm the app:
bodies that cost more to parse than a genuine one, other encodings than UTF-8, numbers that JSON does not have, and
control characters in strings that are logged.

Source: https://learn.microsoft.com/graph/api/resources/changenotificationcollection
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from msgspec import Raw

from shared.errors import Malformed, TooLarge
from shared.notifications.json_text import cheap_text, dump_json, parse_json
from shared.notifications.properties import (
    Fields,
    ObjectReader,
    base64_or_empty,
    is_list,
    list_of,
    optional_text,
    present,
    required_text,
    text_or_none,
)

# Graph documents no limit for a POST; observed bodies are a few hundred kilobytes.
MAX_BODY_BYTES = 4 * 1024 * 1024

# A body holds fewer genuine items, of 500 bytes or more. Without a limit, an attacker could post two million zeros.
MAX_ITEMS = 10_000

# A property of stored bodies. Graph sends none; a stranger's could only distinguish items that he can sign.
_POSITIONS = "positions"
_POSITION_DIGITS = len(str(MAX_ITEMS))

_BODY = ObjectReader("value", "validationTokens", "subscriptionId", _POSITIONS)
_NOTIFICATION = ObjectReader(
    "subscriptionId",
    "changeType",
    "lifecycleEvent",
    "subscriptionExpirationDateTime",
    "resource",
    "resourceData",
    "encryptedContent",
)
_CONTENT = ObjectReader("data", "dataKey", "dataSignature", "encryptionCertificateId")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedContent:
    """``changeNotificationEncryptedContent``, decoded from Base64.

    Source: https://learn.microsoft.com/graph/api/resources/changenotificationencryptedcontent
    """

    data: bytes = field(repr=False)
    data_key: bytes = field(repr=False)
    data_signature: bytes = field(repr=False)
    encryption_certificate_id: str

    @classmethod
    def from_json(cls, value: Raw) -> Self:
        """Return the content; raise Malformed if ``value`` is not an object.

        A field that is no text, or not in Base64, is empty: every later check rejects that.
        """
        fields = _CONTENT.read(value)
        return cls(
            data=base64_or_empty(fields.get("data")),
            data_key=base64_or_empty(fields.get("dataKey")),
            data_signature=base64_or_empty(fields.get("dataSignature")),
            encryption_certificate_id=text_or_none(fields.get("encryptionCertificateId")) or "",
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
    def from_json(cls, raw: Raw, *, tenant_id: str) -> Self:
        """Return the item in ``raw``, with the first letter of ``change_type`` in lower case.

        ``tenant_id``: the one for which the item's client state is signed.

        Raises:
            Malformed: a required property is missing or has the wrong type.
        """
        fields = _NOTIFICATION.read(raw)
        lifecycle_event = optional_text(fields, "lifecycleEvent")
        is_change = lifecycle_event is None
        encrypted = present(fields, "encryptedContent")
        return cls(
            subscription_id=required_text(fields, "subscriptionId"),
            tenant_id=tenant_id,
            subscription_expiration=optional_text(fields, "subscriptionExpirationDateTime"),
            change_type=_lower_first(required_text(fields, "changeType")) if is_change else None,
            lifecycle_event=lifecycle_event,
            # That of a lifecycle notification, such as "Subscriptions/<id>", says nothing that the id does not say.
            resource=required_text(fields, "resource") if is_change else None,
            resource_data=_resource_data(fields),
            encrypted_content=None if encrypted is None else EncryptedContent.from_json(encrypted),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNotificationCollection:
    """A POST body, or the part of one that is stored: its items as received, whatever they are.

    ``positions``: the position of each item in the POST that Graph sent.
    """

    value: Sequence[Raw] = field(repr=False)
    validation_tokens: Sequence[str] = field(repr=False)
    positions: Sequence[int]

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Return the collection in ``body``.

        Raises:
            TooLarge: over ``MAX_BODY_BYTES``, or over ``MAX_ITEMS`` items or tokens.
            Malformed: not JSON in UTF-8, denser than Graph's, or neither a collection nor a single item.
        """
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"over {MAX_BODY_BYTES} bytes")
        text = cheap_text(body)
        fields = _BODY.read(text)
        items = _items(text, fields)
        return cls(
            value=items,
            validation_tokens=_validation_tokens(fields),
            positions=_positions(fields, len(items)),
        )


def _items(text: bytes, fields: Fields) -> Sequence[Raw]:
    if "value" in fields:
        return _limited_list(fields["value"])
    # Articles of 2021 and 2022 show basic notifications without the wrapper.
    if "subscriptionId" in fields:
        return [Raw(text)]
    raise Malformed("not a collection of change notifications")


def _limited_list(value: Raw) -> Sequence[Raw]:
    elements = list_of(value)
    if len(elements) > MAX_ITEMS:
        raise TooLarge(f"over {MAX_ITEMS} elements in a list")
    return elements


def _positions(fields: Fields, length: int) -> tuple[int, ...]:
    numbers = map(bytes, _list_or_empty(fields.get(_POSITIONS)))
    # A large number would take long to convert.
    positions = [int(each) for each in numbers if each.isdigit() and len(each) <= _POSITION_DIGITS]
    return tuple(positions) if len(positions) == length else tuple(range(length))


def _validation_tokens(fields: Fields) -> Sequence[str]:
    tokens = map(text_or_none, _list_or_empty(fields.get("validationTokens")))
    return [token for token in tokens if token is not None]


def _list_or_empty(value: Raw | None) -> Sequence[Raw]:
    """Return tokens or positions, none of which has a comma: too many of them need not be built to be counted."""
    if value is None or not is_list(value):
        return ()
    if bytes(value).count(b",") >= MAX_ITEMS:
        raise TooLarge(f"over {MAX_ITEMS} tokens or positions")
    return list_of(value)


def _resource_data(fields: Fields) -> Mapping[str, Any]:
    value = present(fields, "resourceData")
    if value is None:
        return {}
    resource_data = parse_json(value)
    if not isinstance(resource_data, dict):
        raise Malformed("resourceData is not an object")
    return resource_data


def _lower_first(text: str) -> str:
    # Articles of 2021 show "Created" where the reference says "created".
    return text[:1].lower() + text[1:]


def to_json(items: Sequence[Raw], validation_tokens: Sequence[str], positions: Sequence[int]) -> bytes:
    """Return a POST of ``items`` as received, byte for byte, with their positions."""
    return dump_json({"value": items, "validationTokens": validation_tokens, _POSITIONS: positions})
