"""What the app adds to a cold worker's start: imports, step by step, in fresh processes."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmarks.tables import Figure, Target, figures_table

_TARGET_MILLISECONDS = 15
_REPOSITORY = Path(__file__).parent.parent

# In the order in which a worker meets them: its own runtime, all functions, and with the first POST the rest.
_RUNTIME = "azure.functions and the runtime"
_STEPS = {
    _RUNTIME: "import azure.functions, azure_functions_runtime_v1",
    "ReceiveNotification": "from __app__ import ReceiveNotification",
    "RenewSubscriptions": "from __app__ import RenewSubscriptions",
    "a handshake answered": (
        "asyncio.run(ReceiveNotification.main(azure.functions.HttpRequest("
        "method='POST', url='/', params={'validationToken': 'Validation: Testing'}, body=b'')))"
    ),
    "the product, with the first POST": "import shared.app.receive_notification, shared.receiving.receive",
}
_HANDSHAKE = ("ReceiveNotification", "RenewSubscriptions", "a handshake answered")

_TIMER = """
import asyncio, json, sys, time, types
# As the worker loads a function: under this name, it warms the process up meanwhile.
app = types.ModuleType("__app__")
app.__path__ = ["."]
sys.modules["__app__"] = app
spent = {}
for name, step in json.loads(sys.argv[1]).items():
    start = time.perf_counter()
    exec(step)
    spent[name] = (time.perf_counter() - start) * 1000
print(json.dumps(spent))
"""


def measure(*, processes: int) -> Sequence[Mapping[str, float]]:
    """Return how many milliseconds each step took, for each of several processes."""
    _fresh_process()  # writes the byte code, which a deployment has
    return [_fresh_process() for _ in range(processes)]


def table(runs: Sequence[Mapping[str, float]]) -> Table:
    """Return the medians, and the handshake's path against its target."""
    figures = [Figure(name=name, value=f"{median(run[name] for run in runs):,.1f} ms") for name in _STEPS]
    handshake = median(sum(run[name] for name in _HANDSHAKE) for run in runs)
    limit = Target(text=f"≤ {_TARGET_MILLISECONDS} ms", met=handshake <= _TARGET_MILLISECONDS)
    over = Figure(name="handshake over the bare runtime", value=f"{handshake:,.1f} ms", target=limit)
    caption = f"Medians of {len(runs)} fresh processes, each step on top of those above it, while the warm-up runs."
    return figures_table("Cold start", [*figures, over], caption=caption)


def _fresh_process() -> Mapping[str, float]:
    command = [sys.executable, "-c", _TIMER, json.dumps(_STEPS)]
    done = subprocess.run(command, cwd=_REPOSITORY, check=True, stdout=subprocess.PIPE, timeout=60)  # noqa: S603  fixed words
    milliseconds: Mapping[str, float] = json.loads(done.stdout)
    return milliseconds
