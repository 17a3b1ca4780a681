"""The simulation: the timer fires every few minutes of the sandbox's time, among traffic, faults and rotations."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from sandbox.azurite import Azurite
from sandbox.graph import Delivery
from shared.subscriptions.reconcile import Reconciler
from tests.fakes.identity_services import CERTIFICATE_NAME
from tests.flows.deployment import LoopbackDeployment, loopback_deployment
from tests.simulation.faults import Faults
from tests.simulation.invariants import Invariants
from tests.simulation.report import Report
from tests.simulation.scenario import Scenario
from tests.simulation.traffic import Traffic

_KEY = "the second of the client state's keys, long enough"
_HALF_AN_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class _Began:
    """The moment at which a simulation began, in seconds of time and of this process's work."""

    at: float = field(default_factory=time.monotonic)
    processor: float = field(default_factory=time.process_time)


def deployment_for(scenario: Scenario, folder: Path, azurite: Azurite) -> AbstractContextManager[LoopbackDeployment]:
    """Start a deployment for a scenario."""
    return loopback_deployment(folder, azurite, tenants=scenario.tenants, token_lifetime=scenario.token_lifetime)


def simulate(deployment: LoopbackDeployment, scenario: Scenario) -> Report:
    """Return the report of a scenario in a fresh deployment."""
    began = _Began()
    # Threads draw faults in any order: the traffic has dice of its own, so that it is the same for the same seed.
    dice, dice_of_faults = Random(scenario.seed), Random(scenario.seed)  # noqa: S311  chance, no secret
    traffic = Traffic.starting(deployment, subscriptions=scenario.subscriptions, dice=dice)
    deployment.app.entries = list(traffic.entries)
    deployment.app.fresh_for = scenario.renew_after
    deployment.app.environ |= {
        "RENEW_AFTER": _iso(scenario.renew_after),
        "SUBSCRIPTION_LIFETIME": _iso(scenario.lifetime),
    }
    simulation = _Simulation(
        deployment=deployment,
        scenario=scenario,
        dice=dice,
        traffic=traffic,
        faults=Faults(deployment=deployment, share=scenario.faults, dice=dice_of_faults),
        invariants=Invariants.beginning(deployment),
    )
    return simulation.run(began)


def _iso(duration: timedelta) -> str:
    return f"PT{duration // timedelta(minutes=1)}M"


@dataclass(kw_only=True)
class _Simulation:
    deployment: LoopbackDeployment
    scenario: Scenario
    dice: Random
    traffic: Traffic
    faults: Faults
    invariants: Invariants
    deliveries: list[Delivery] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    _logins_met: int = 0

    def run(self, began: _Began) -> Report:
        self.deployment.graph.on_delivery(self.deliveries.append)
        self.faults.begin()
        for step in range(self.scenario.steps):
            self._operate(step)
            self.deployment.do(lambda: self.traffic.act(self.scenario.tenants))
            self.deployment.later(minutes=self.scenario.every / timedelta(minutes=1))
            self._removal(step)
            self._run()
        self._end()
        return self._report(began)

    def _operate(self, step: int) -> None:
        """Do what is due for the operator."""
        scenario, environ = self.scenario, self.deployment.app.environ
        if step in scenario.certificate_rotations:
            self.deployment.vault.create_certificate(CERTIFICATE_NAME)
        if step == scenario.key_rotation:
            environ |= {"CLIENT_STATE_KEY": _KEY, "CLIENT_STATE_KEY_PREVIOUS": environ["CLIENT_STATE_KEY"]}
        if step == scenario.key_farewell:
            environ.pop("CLIENT_STATE_KEY_PREVIOUS", None)

    def _removal(self, step: int) -> None:
        is_due = step and step % (self.scenario.removals_every // self.scenario.every) == 0
        if is_due and (live := self.deployment.do(self.deployment.graph.subscriptions)):
            self.invariants.remove(self.dice.choice(live))

    def _run(self, *, force: bool = False) -> Counter[str]:
        ran_at = self.deployment.clock.now()
        done = Counter(self._reconciler().run(force=force))
        self.deployment.settle()
        self.done += done
        self.runs += 1
        self.invariants.sample(ran_at)
        return done

    def _reconciler(self) -> Reconciler:
        met = self.deployment.login.faults.disturbed.total()
        if met > self._logins_met:
            # After a 429 or 5xx MSAL asks no more for five seconds, of the real clock: here, these are hours.
            self.deployment.app.restart()
            self._logins_met = met
        return self.deployment.app.reconciler()

    def _end(self) -> None:
        """Let everything settle without faults, and wait for what Graph still holds."""
        self.faults.end()
        self._run(force=True)
        self.deployment.later(minutes=_HALF_AN_HOUR / timedelta(minutes=1))
        self._run()
        if rest := +self._run():
            self.invariants.violations.append(f"a settled deployment is changed: {dict(rest)}")

    def _report(self, began: _Began) -> Report:
        deployment = self.deployment
        return Report(
            scenario=self.scenario,
            runs=self.runs,
            calls=Counter({name: len(service.requests) for name, service in self.faults.services.items()}),
            faults=self.faults.met(),
            done=self.done,
            removed=len(self.invariants.removals),
            delivered=self._delivered(),
            published=sum(receipt.published for receipt in deployment.app.receipts),
            gaps=sum(row.missed_interval is not None for id_ in deployment.tenant_ids for row in deployment.rows(id_)),
            longest_absence=self.invariants.longest_absence,
            longest_without_token=self.invariants.longest_without_token,
            wall_time=timedelta(seconds=time.monotonic() - began.at),
            processor_time=timedelta(seconds=time.process_time() - began.processor),
            violations=[*self.invariants.violations, *self._violations()],
        )

    def _delivered(self) -> int:
        return sum(len(each.items) for each in self.deliveries if each.answer.is_success)

    def _violations(self) -> Iterator[str]:
        deployment = self.deployment
        yield from self.invariants.settled(deployment.app.certificate().version)
        rejected: Counter[str] = Counter()
        for receipt in deployment.app.receipts:
            rejected.update({**receipt.quarantined, "dropped": receipt.dropped})
        if +rejected:
            yield f"of what Graph delivered, these were rejected: {dict(rejected)}"
        if self._delivered() > len(deployment.app.published):
            yield f"{self._delivered()} notifications were delivered, {len(deployment.app.published)} events published"
        if deployment.graph.lost or deployment.graph.waiting:
            yield f"Graph lost {len(deployment.graph.lost)} notifications, and holds {deployment.graph.waiting}"
        if deployment.graph.hasty:
            yield f"{len(deployment.graph.hasty)} were renewed and reauthorized within ten minutes"
