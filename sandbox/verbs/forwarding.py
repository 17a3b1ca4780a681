"""``listen``: gives what the queue gets to a program that takes HTTP requests, as CloudEvents in structured mode.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#32-structured-content-mode
"""

import json
import time
from collections.abc import Callable

import requests
from azure.core.exceptions import ResourceNotFoundError, ServiceRequestError, ServiceResponseError
from azure.storage.queue import BinaryBase64DecodePolicy, BinaryBase64EncodePolicy, QueueClient, QueueMessage

from sandbox.run.send_endpoint import NotRunning

_POLL_SECONDS = 0.2
_TIMEOUT_SECONDS = 30
# After that long a message that was not taken comes again.
_PAUSE_SECONDS = 5


class Forwarder:
    """A consumer of a queue: a message is deleted when ``url`` has taken it, else it comes again."""

    def __init__(self, connection_string: str, queue_name: str, url: str) -> None:
        self._queue = QueueClient.from_connection_string(
            connection_string,
            queue_name,
            message_decode_policy=BinaryBase64DecodePolicy(),
            # To hide a message for longer is to write it again.
            message_encode_policy=BinaryBase64EncodePolicy(),
            # A queue on loopback that does not answer has ended.
            retry_total=0,
        )
        self._url = url

    def run(self, say: Callable[[str], None]) -> None:
        """Forward until the sandbox ends; ``say`` is called with a line for each message.

        Raises:
            NotRunning: it has ended.
        """
        try:
            with self._queue, requests.Session() as session:
                while True:
                    if not self._forward_all(session, say):
                        time.sleep(_POLL_SECONDS)
        except (ServiceRequestError, ServiceResponseError) as exc:
            raise NotRunning("The sandbox has ended, and its queue with it.") from exc

    def _forward_all(self, session: requests.Session, say: Callable[[str], None]) -> int:
        count = 0
        try:
            # What waits behind a slow receiver must not come again meanwhile: one by one.
            for message in self._queue.receive_messages(visibility_timeout=_TIMEOUT_SECONDS + _PAUSE_SECONDS):
                say(self._forward(session, message))
                count += 1
        except ResourceNotFoundError:
            return 0
        return count

    def _forward(self, session: requests.Session, message: QueueMessage) -> str:
        event = json.loads(message.content)
        what = f"{event['type']} {event.get('subject', '')}"
        headers = {"Content-Type": "application/cloudevents+json"}
        try:
            answer = session.post(self._url, data=message.content, headers=headers, timeout=_TIMEOUT_SECONDS)
        except requests.RequestException:
            self._queue.update_message(message, visibility_timeout=_PAUSE_SECONDS)
            return f"--- {what}: nothing answers at {self._url}; it comes again in {_PAUSE_SECONDS} s"
        if answer.ok:
            self._queue.delete_message(message)
            return f"{answer.status_code} {what}"
        self._queue.update_message(message, visibility_timeout=_PAUSE_SECONDS)
        return f"{answer.status_code} {what}: it comes again in {_PAUSE_SECONDS} s"
