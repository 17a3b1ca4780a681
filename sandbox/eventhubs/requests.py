"""Requests over AMQP: a token that is put, and the properties of the hub that are read.

Sources: https://docs.oasis-open.org/amqp/amqp-cbs/v1.0/amqp-cbs-v1.0.html
and https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import proton

if TYPE_CHECKING:
    from sandbox.eventhubs.service import EventHubs

CBS, MANAGEMENT = "$cbs", "$management"
_HUB_TYPE = "com.microsoft:eventhub"


def answered(address: str, message: bytes, hubs: "EventHubs") -> tuple[int | None, proton.Message]:
    """Return the status with which a request is refused, or None; and the answer to it."""
    request = proton.Message()
    request.decode(message)
    properties = request.properties or {}
    if address == CBS:
        refusal, body = _put_token(request, properties, hubs), None
        accepted = HTTPStatus.ACCEPTED
    else:
        refusal, accepted = _refused_read(properties, hubs), HTTPStatus.OK
        body = None if refusal else _hub(hubs)
    status, text = refusal or (accepted, "OK")
    answer = proton.Message(
        body=body,
        correlation_id=request.id,
        properties={"status-code": proton.int32(status), "status-description": text},
    )
    return (status if refusal else None), answer


def _put_token(request: proton.Message, properties: dict[str, Any], hubs: "EventHubs") -> tuple[int, str] | None:
    if properties.get("operation") != "put-token":
        return 400, "The operation is not supported."
    return hubs.authority.refusal(properties.get("type"), properties.get("name"), request.body)


def _refused_read(properties: dict[str, Any], hubs: "EventHubs") -> tuple[int, str] | None:
    if (properties.get("operation"), properties.get("type")) != ("READ", _HUB_TYPE):
        return 400, "The operation is not supported."
    if properties.get("name") != hubs.authority.hub:
        return 404, f"The messaging entity '{properties.get('name')}' could not be found."
    return None


def _hub(hubs: "EventHubs") -> dict[str, Any]:
    return {
        "name": hubs.authority.hub,
        "type": _HUB_TYPE,
        "created_at": proton.timestamp(int(hubs.created_at.timestamp() * 1000)),
        "partition_count": proton.int32(len(hubs.partitions)),
        "partition_ids": proton.Array(proton.UNDESCRIBED, proton.Data.STRING, *hubs.partitions),
    }
