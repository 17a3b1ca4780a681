"""How much memory the Functions host has taken at most, as Linux counts it."""

import re
from pathlib import Path

from sandbox.host.process import FunctionsHost

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peak_memory(host: FunctionsHost) -> int | None:
    """Return the largest resident size of the host since its start, in bytes; None where there is no ``/proc``.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (VmHWM)
    """
    process_id = host.pid
    try:
        match = _PEAK.search(Path(f"/proc/{process_id}/status").read_text(encoding="ascii"))
    except OSError:
        return None
    return int(match[1]) * 1024 if match else None
