"""Random faults of everything that the app calls: of its services over HTTP, of the table at its port."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from sandbox.serving import Fault, Service
from shared.errors import Unavailable
from tests.flows.deployment import LoopbackDeployment
from tests.flows.intercepted_calls import InterceptedTable

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
# The app waits on the sandbox's clock for as long as Graph asks. Azure's clients wait on the real one, so the vault and
# Entra ID ask for no pause.
_OF_GRAPH: Sequence[Fault] = (
    *_EVERYWHERE,
    _status(503, "503 with Retry-After", Retry_After="60"),
    _status(429, "429 with Retry-After", Retry_After="20"),
)


@dataclass(kw_only=True)
class Faults:
    """The faults of a deployment; ``share`` is the chance of each call to meet one."""

    deployment: LoopbackDeployment
    share: float
    dice: Random
    of_table: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def services(self) -> Mapping[str, Service]:
        """The services that have faults, by the name of their system."""
        deployment = self.deployment
        return {"Graph": deployment.graph_service, "Entra ID": deployment.login, "Key Vault": deployment.vault_service}

    def begin(self) -> None:
        """Switch all of them on."""
        for name, service in self.services.items():
            faults = _OF_GRAPH if name == "Graph" else _EVERYWHERE
            service.faults.dice.seed(self.dice.random())
            for fault in faults:
                service.faults.add(replace(fault, share=self.share / len(faults)))
        app, around = self.deployment.app, self.deployment.app.around_table
        app.around_table = lambda table: InterceptedTable(table=around(table), intercept=self.disturb)

    def end(self) -> None:
        """Switch all of them off."""
        for service in self.services.values():
            service.faults.clear()
        self.share = 0.0

    def met(self) -> Counter[str]:
        """Return how many calls met one, by system and kind."""
        counts = {name: service.faults.disturbed for name, service in self.services.items()} | {"table": self.of_table}
        return Counter({f"{name}: {kind}": n for name, kinds in counts.items() for kind, n in sorted(kinds.items())})

    def disturb[T](self, call: Callable[[], T], /) -> T:
        """Return what a call to the table returns; by chance, it is not carried out, or its answer is lost."""
        kind, problem = self._kind(), Unavailable("the table subscriptions does not answer as it should")
        if kind == "not carried out":
            raise problem
        result = call()
        if kind is not None:
            raise problem
        return result

    def _kind(self) -> str | None:
        with self.lock:
            if self.dice.random() >= self.share:
                return None
            kind = self.dice.choice(["not carried out", "carried out, not answered"])
            self.of_table[kind] += 1
            return kind
