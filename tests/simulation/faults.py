"""Chance faults of everything that the app calls: over HTTP where that is fast enough, at the port of the table."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from sandbox.serving import Fault
from shared.errors import Unavailable
from shared.subscriptions.apply import TrackedSubscriptions
from shared.subscriptions.tracked import AccountStatus, TenantState, TrackedSubscription
from tests.flows.world import World

_JSON = {"Content-Type": "application/json"}
_ERROR = b'{"error": {"code": "serviceNotAvailable", "message": "The service is busy."}}'


def _status(status: int, name: str = "", **headers: str) -> Fault:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Fault(name=name or str(status), status=status, headers=_JSON | named, body=_ERROR)


_EVERYWHERE: Sequence[Fault] = (
    _status(500),
    _status(503),
    _status(429),
    replace(_status(504), name="504, yet carried out", carried_out=True),
    Fault(name="connection cut", drop=True),
    Fault(name="connection cut, yet carried out", drop=True, carried_out=True),
    Fault(name="answer cut off", truncate=True),
)
# The pauses that Graph asks for are taken on the sandbox's clock. Azure's clients sleep theirs, so the vault and
# Entra ID ask for none.
_OF_GRAPH: Sequence[Fault] = (
    *_EVERYWHERE,
    _status(503, "503 with Retry-After", Retry_After="60"),
    _status(429, "429 with Retry-After", Retry_After="20"),
)


@dataclass(kw_only=True)
class Faults:
    """The faults of a world, each call's chance of one being ``share``."""

    world: World
    share: float
    dice: Random
    of_table: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """Switch all of them on."""
        world = self.world
        for service, faults in (
            (world.graph_service, _OF_GRAPH),
            (world.login, _EVERYWHERE),
            (world.vault_service, _EVERYWHERE),
        ):
            service.faults.dice.seed(self.dice.random())
            for fault in faults:
                service.faults.add(replace(fault, share=self.share / len(faults)))
        lock, around = threading.Lock(), world.app.around_table
        world.app.around_table = lambda table: ShakyTable(table=around(table), faults=self, lock=lock)

    def end(self) -> None:
        """Switch all of them off."""
        for service in (self.world.graph_service, self.world.login, self.world.vault_service):
            service.faults.clear()
        self.share = 0.0

    def met(self) -> Counter[str]:
        """Return how many calls met one, by system and kind."""
        world = self.world
        services = {"Graph": world.graph_service, "Entra ID": world.login, "Key Vault": world.vault_service}
        counts = {name: service.faults.disturbed for name, service in services.items()} | {"table": self.of_table}
        return Counter({f"{name}: {kind}": n for name, kinds in counts.items() for kind, n in sorted(kinds.items())})


@dataclass(frozen=True, kw_only=True)
class ShakyTable:
    """The table, some of whose calls fail: not carried out, or carried out and not answered."""

    table: TrackedSubscriptions
    faults: Faults
    lock: threading.Lock

    def load(self, tenant_id: str) -> TenantState:
        return self._call(lambda: self.table.load(tenant_id))

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        return self._call(lambda: self.table.save(row))

    def delete(self, row: TrackedSubscription) -> None:
        self._call(lambda: self.table.delete(row))

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        self._call(lambda: self.table.delete_activity(tenant_id, subscription_id))

    def _call[T](self, call: Callable[[], T]) -> T:
        kind = self._chance()
        if kind == "not carried out":
            raise Unavailable("the table subscriptions does not answer as it should")
        result = call()
        if kind is not None:
            raise Unavailable("the table subscriptions does not answer as it should")
        return result

    def _chance(self) -> str | None:
        faults = self.faults
        with self.lock:
            if faults.dice.random() >= faults.share:
                return None
            kind = faults.dice.choice(["not carried out", "carried out, not answered"])
            faults.of_table[kind] += 1
            return kind
