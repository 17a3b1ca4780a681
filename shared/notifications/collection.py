"""Graph's POST body as values: bytes in, a ``ChangeNotificationCollection`` out.

Tolerant where Graph varies (spelling of property names, unknown properties and enum values, a bare item without the
``value`` wrapper), strict where a receiver gets hurt (encodings, numbers that JSON cannot hold, control characters in
what is logged).

Source: https://learn.microsoft.com/graph/api/resources/changenotificationcollection
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from shared.errors import Malformed, TooLarge

# Graph documents no limit for a POST; observed bodies are a few hundred kilobytes.
MAX_BODY_BYTES = 4 * 1024 * 1024

# More than genuine items, of 500 bytes and up, could fill a body with. Anybody may post two million zeros, and each of
# them would be looked at.
MAX_ITEMS = 10_000

# Three times the longest documented path. Type and subject of an event come from such texts, each character may take
# twelve bytes in JSON, and both together have to fit into a queue message.
MAX_TEXT = 1536


def parse_json(data: bytes) -> Any:
    """Return the JSON value in UTF-8 ``data``.

    ``json.loads`` on bytes would sniff UTF-16, and let through NaN and infinite numbers, which JSON does not have.

    Raises:
        Malformed: not UTF-8, not JSON, or nested beyond what Python can hold.
    """
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise Malformed("not JSON in UTF-8") from exc


def _reject_constant(constant: str) -> float:
    raise ValueError(constant)


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number beyond a double's range")
    return number


_DECODER = json.JSONDecoder(parse_constant=_reject_constant, parse_float=_finite_float)

# Graph's spelling of what is read from a POST; published samples vary in case.
_PROPERTY_NAMES = frozenset(
    {
        "changeType",
        "clientState",
        "data",
        "dataKey",
        "dataSignature",
        "encryptedContent",
        "encryptionCertificateId",
        "encryptionCertificateThumbprint",
        "id",
        "lifecycleEvent",
        "organizationId",
        "resource",
        "resourceData",
        "subscriptionExpirationDateTime",
        "subscriptionId",
        "tenantId",
        "validationTokens",
        "value",
    }
)
_GRAPH_SPELLING: Mapping[str, str] = {name.lower(): name for name in _PROPERTY_NAMES}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedContent:
    """``changeNotificationEncryptedContent``: every field as received, Base64 where Graph uses Base64.

    Source: https://learn.microsoft.com/graph/api/resources/changenotificationencryptedcontent
    """

    data: str = field(repr=False)
    data_key: str = field(repr=False)
    data_signature: str = field(repr=False)
    encryption_certificate_id: str

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the value; a part that is missing or no text is "", which no later check accepts.

        Raises:
            Malformed: not an object.
        """
        fields = _with_graph_spelling(value)
        parts = (fields.get(name) for name in ("data", "dataKey", "dataSignature", "encryptionCertificateId"))
        data, data_key, signature, certificate_id = (part if isinstance(part, str) else "" for part in parts)
        return cls(data=data, data_key=data_key, data_signature=signature, encryption_certificate_id=certificate_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNotification:
    """One item: a change (``change_type`` and ``resource`` set) or a lifecycle event (``lifecycle_event`` set).

    Source: https://learn.microsoft.com/graph/api/resources/changenotification
    """

    subscription_id: str
    tenant_id: str
    client_state: str | None = field(repr=False)
    subscription_expiration: str | None
    change_type: str | None
    lifecycle_event: str | None
    resource: str | None
    resource_data: Mapping[str, Any] = field(repr=False)
    encrypted_content: EncryptedContent | None
    raw: Any = field(default=None, repr=False, compare=False)
    """The item's JSON as it came, to be kept should the item be refused."""

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the item; ``tenant_id`` in lower case, ``change_type`` with a lower first letter.

        Raises:
            Malformed: not an object, a needed property missing, or one of the wrong type.
        """
        fields = _with_graph_spelling(value)
        lifecycle_event = _optional_text(fields, "lifecycleEvent")
        is_change = lifecycle_event is None
        client_state, encrypted = fields.get("clientState"), fields.get("encryptedContent")
        return cls(
            subscription_id=_required_text(fields, "subscriptionId"),
            tenant_id=_tenant_id(fields),
            client_state=client_state if isinstance(client_state, str) else None,
            subscription_expiration=_optional_text(fields, "subscriptionExpirationDateTime"),
            change_type=_lower_first(_required_text(fields, "changeType")) if is_change else None,
            lifecycle_event=lifecycle_event,
            resource=_required_text(fields, "resource") if is_change else _optional_text(fields, "resource"),
            resource_data=_object(fields, "resourceData"),
            encrypted_content=None if encrypted is None else EncryptedContent.from_json(encrypted),
            raw=value,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNotificationCollection:
    """A POST body. An item that is not a ``changeNotification`` stands in ``value`` as the error that says why."""

    value: tuple[ChangeNotification | Malformed, ...]
    validation_tokens: tuple[str, ...] = field(repr=False)

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Return the collection in ``body``.

        Raises:
            TooLarge: over ``MAX_BODY_BYTES`` or ``MAX_ITEMS``.
            Malformed: not JSON in UTF-8, or neither a collection nor a single item.
        """
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"over {MAX_BODY_BYTES} bytes")
        fields = _with_graph_spelling(parse_json(body))
        # The articles of 2021 and 2022 show basic notifications without the wrapper.
        items = [fields] if "value" not in fields and "subscriptionId" in fields else fields.get("value")
        if not isinstance(items, list):
            raise Malformed("no collection of change notifications")
        if len(items) > MAX_ITEMS:
            raise TooLarge(f"over {MAX_ITEMS} items")
        return cls(
            value=tuple(_item(item) for item in items),
            validation_tokens=_validation_tokens(fields.get("validationTokens")),
        )


def _item(value: Any) -> ChangeNotification | Malformed:
    try:
        return ChangeNotification.from_json(value)
    except Malformed as problem:
        return problem


def _validation_tokens(value: Any) -> tuple[str, ...]:
    """Return the tokens; what is no token becomes "", which never verifies and so makes the POST suspect."""
    if value is None:
        return ()
    if not isinstance(value, list):
        return ("",)
    return tuple(token if isinstance(token, str) else "" for token in value)


def _with_graph_spelling(value: Any) -> Mapping[str, Any]:
    """Return an object with its names in Graph's spelling: both ``encryptedContent`` and ``EncryptedContent`` occur."""
    if not isinstance(value, dict):
        raise Malformed("not an object")
    if value.keys() <= _PROPERTY_NAMES:
        return value
    return {_GRAPH_SPELLING.get(key.lower(), key): item for key, item in value.items()}


def _optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    """Return a property that may be absent; printable, so that it can be logged, and never a lone surrogate."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise Malformed(f"{name} is not a short printable text")
    return value


def _required_text(fields: Mapping[str, Any], name: str) -> str:
    value = _optional_text(fields, name)
    if value is None:
        raise Malformed(f"{name} is missing")
    return value


def _tenant_id(fields: Mapping[str, Any]) -> str:
    # Some lifecycle, presence and meeting notifications carry organizationId in its place.
    tenant_id = _optional_text(fields, "tenantId") or _optional_text(fields, "organizationId")
    if tenant_id is None:
        raise Malformed("tenantid is missing")
    return tenant_id.lower()


def _object(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{name} is not an object")
    return value


def _lower_first(text: str) -> str:
    # The articles of 2021 show "Created" where the reference says "created".
    return text[:1].lower() + text[1:]


def to_json(items: Iterable[ChangeNotification], validation_tokens: Sequence[str]) -> bytes:
    """Return a POST of ``items`` as they were received, encrypted content and client states included.

    Raises:
        RecursionError: an item is nested more deeply than JSON can be written.
    """
    value = [item.raw for item in items]
    return json.dumps({"value": value, "validationTokens": list(validation_tokens)}).encode()
