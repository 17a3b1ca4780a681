"""AMQP frames with all their fields: what is left out at a frame's end is written as null.

The library leaves out null fields at the end of a frame, as the specification allows; azure-eventhub's own AMQP, which
Event Hubs writes every field for, does not read such frames.

Source: https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html#section-performatives
"""

import struct

# By the descriptor's code: open, begin, attach, flow, transfer, disposition, detach, end, close.
_FIELDS = {0x10: 10, 0x11: 8, 0x12: 14, 0x13: 11, 0x14: 11, 0x15: 6, 0x16: 3, 0x17: 1, 0x18: 1}
_AMQP = 0
_HEADER_BYTES = 8
_DESCRIPTOR = b"\x00\x53"
_LIST_32 = 0xD0
_NULL = b"\x40"


class FrameFiller:
    """Fills up the frames of one direction of a connection, which comes in pieces of any length."""

    def __init__(self) -> None:
        self._rest = b""

    def fill(self, data: bytes) -> bytes:
        """Return all frames that are complete by now; what has begun is returned once it ends."""
        data = self._rest + data
        frames = []
        while len(data) >= _HEADER_BYTES:
            size = _HEADER_BYTES if data.startswith(b"AMQP") else struct.unpack(">I", data[:4])[0]
            if len(data) < size:
                break
            frames.append(_filled(data[:size]))
            data = data[size:]
        self._rest = data
        return b"".join(frames)


def _filled(frame: bytes) -> bytes:
    """Return a frame, or a protocol header, with all fields of its performative."""
    start = frame[4] * 4
    if frame.startswith(b"AMQP") or frame[5] != _AMQP or frame[start : start + 2] != _DESCRIPTOR:
        return frame
    missing = _FIELDS[frame[start + 2]]
    at = start + 4
    match frame[start + 3]:
        case 0x45:
            count, fields, payload = 0, b"", frame[at:]
        case 0xC0:
            size, count = frame[at], frame[at + 1]
            fields, payload = frame[at + 2 : at + 1 + size], frame[at + 1 + size :]
        case _:
            size, count = struct.unpack(">II", frame[at : at + 8])
            fields, payload = frame[at + 8 : at + 4 + size], frame[at + 4 + size :]
    missing -= count
    fields += _NULL * missing
    written = struct.pack(">BII", _LIST_32, len(fields) + 4, count + missing)
    body = frame[4 : start + 3] + written + fields + payload
    return struct.pack(">I", len(body) + 4) + body
