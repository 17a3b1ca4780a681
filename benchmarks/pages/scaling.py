"""How many instances, queues, accounts and throughput units a rate of notifications needs, by four formulas.

The costs are those that docs/performance.md has, the limits are Azure's.
"""

import math
import re
from collections.abc import Mapping

RATES = (1_000, 10_000, 100_000)

# An instance has one Python process, which one processor's work fills. What is above is for bursts.
_USED = 0.6
# Of messages of 1 KiB. Source: https://learn.microsoft.com/azure/storage/queues/scalability-targets
_MESSAGES_OF_A_QUEUE = 2_000
# Source: https://learn.microsoft.com/azure/storage/common/scalability-targets-standard-account
_CALLS_OF_AN_ACCOUNT = 20_000
# Source: https://learn.microsoft.com/azure/event-hubs/event-hubs-scalability#throughput-units
_EVENTS_OF_A_UNIT, _BYTES_OF_A_UNIT = 1_000, 1_000_000

_COST = re.compile(r"^\| ([^|]+?) \| ([\d,.]+) (ms|µs|calls|bytes) \|$", re.MULTILINE)

# An example: how long records are kept is a setting.
_DAYS = 2

_COLUMNS = (
    "Notifications a second",
    "Instances, queue",
    "Instances, Event Hubs",
    "Queues",
    "Storage accounts, queue",
    "Storage accounts, Event Hubs",
    "Throughput units",
    "Records of two days",
)

type Costs = Mapping[str, float]
"""By name, in the unit that the page has."""


def costs_of(page: str) -> Costs:
    """Return the costs in the text of docs/performance.md."""
    return {name: float(number.replace(",", "")) for name, number, _ in _COST.findall(page)}


def instances(rate: float, milliseconds: float) -> int:
    """Return how many instances process ``rate`` POSTs a second of so many milliseconds each."""
    return math.ceil(rate * milliseconds / 1_000 / _USED)


def queues(rate: float) -> int:
    """Return how many queues take ``rate`` messages a second."""
    return math.ceil(rate / _MESSAGES_OF_A_QUEUE)


def accounts(rate: float, calls: float) -> int:
    """Return how many storage accounts take ``rate`` times so many calls a second."""
    return math.ceil(rate * calls / _CALLS_OF_AN_ACCOUNT)


def throughput_units(rate: float, size: float) -> int:
    """Return how many units of Event Hubs take ``rate`` events a second of so many bytes."""
    return math.ceil(max(rate / _EVENTS_OF_A_UNIT, rate * size / _BYTES_OF_A_UNIT))


def table(costs: Costs) -> str:
    """Return the Markdown table of docs/scaling.md."""
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---|---|---|---|---|---|---|---|"]
    for rate in RATES:
        cells = (
            instances(rate, costs["message, queue"]),
            instances(rate, costs["message, Event Hubs"]),
            queues(rate),
            accounts(rate, costs["calls of queues"] + costs["calls of tables"]),
            accounts(rate, costs["calls of tables"]),
            throughput_units(rate, costs["event"]),
        )
        records = f"{records_gigabytes(rate, costs['record'], _DAYS):,.0f} GB"
        lines.append(f"| {' | '.join([f'{rate:,}', *(f'{cell:,}' for cell in cells), records])} |")
    return "\n".join(lines)


def records_gigabytes(rate: float, record_bytes: float, days: float) -> float:
    """Return how much the records of ``days`` occupy, with one record for each notification."""
    return rate * 86_400 * days * record_bytes / 1e9
