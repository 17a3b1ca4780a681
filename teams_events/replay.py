"""Sends sample events through a consumer's own handler, in the consumer's own tests.

``docs/samples`` of the repository has one event of each type, and ``event-data`` beside them what is too large for a
message. A folder of events that were recorded elsewhere serves as well.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit


def replay(handle: Callable[[bytes], object], samples: Path, *, times: int = 2) -> int:
    """Hand every sample to ``handle`` as a message of the queue, and return how many there were.

    By default each comes twice, one after the other, because the queue may repeat what it delivers: a handler that is
    ready for that ends as after once. What ``handle`` raises names the sample in a note.

    Raises:
        FileNotFoundError: the folder has no samples.
    """
    files = sorted(samples.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"there is no sample in {samples}")
    for file in files:
        for number in range(times):
            try:
                handle(file.read_bytes())
            except Exception as exc:
                exc.add_note(f"while {file.name} was replayed for time {number + 1} of {times}")
                raise
    return len(files)


def blobs_of(samples: Path) -> Callable[[str], bytes]:
    """Return the function with which ``open_data`` opens the large ones of the samples."""

    def read(url: str) -> bytes:
        name = unquote(urlsplit(url).path).rpartition("/")[-1]
        return (samples / "event-data" / name).read_bytes()

    return read
