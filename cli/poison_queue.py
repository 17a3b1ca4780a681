"""The poison queue: what consumers failed to handle five times, set aside by their trigger beside the queue of events.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages
"""

from itertools import islice

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueServiceClient

from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, as_problem
from shared.errors import Misconfigured

SUFFIX = "-poison"

_ROLE = "Storage Queue Data Contributor"
_NEVER_EXPIRES = -1
# Longer than it takes to move a page of messages.
_HIDDEN_SECONDS = 60
_PAGE = 32


def move_back(queues: QueueServiceClient, name: str, most: int) -> int:
    """Move what is in the poison queue, which exists, back into its queue, and return how many messages that were.

    ``most`` ends it where the consumer fails again at once, and fills the poison queue as fast as it is emptied.
    A message is deleted after it was sent, so one may be in both queues if the command is killed, and none is lost.

    Raises:
        Unavailable: storage does not answer; messages that were moved before stay where they are.
        Misconfigured: storage refuses the operator (the text names the role), or there is no such queue.
    """
    poison, queue, moved = queues.get_queue_client(f"{name}{SUFFIX}"), queues.get_queue_client(name), 0
    try:
        waiting = poison.receive_messages(messages_per_page=_PAGE, visibility_timeout=_HIDDEN_SECONDS, **FAIL_FAST)
        for message in islice(waiting, most):
            queue.send_message(message.content, time_to_live=_NEVER_EXPIRES, **FAIL_FAST)
            poison.delete_message(message, **FAIL_FAST)
            moved += 1
    except ResourceNotFoundError as exc:
        raise Misconfigured(f"there is no queue {name} to move them to: does EVENT_SINK name the app's?") from exc
    except CLIENT_ERRORS as exc:
        raise as_problem("storage", exc, role=_ROLE) from exc
    return moved
