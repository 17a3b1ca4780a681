"""The simulation: the timer fires every few minutes of the sandbox's time, while everything else happens."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from sandbox.graph import Delivery
from shared.subscriptions.reconcile import Reconciler
from tests.fakes.identity_services import CERTIFICATE_NAME
from tests.flows.world import World
from tests.simulation.faults import Faults
from tests.simulation.report import Report
from tests.simulation.scenario import Scenario
from tests.simulation.traffic import Traffic
from tests.simulation.watch import Watch

_KEY = "the second of the client state's keys, long enough"
_HALF_AN_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class _Began:
    """The moment at which a simulation began, in seconds of time and of this process's work."""

    at: float = field(default_factory=time.monotonic)
    processor: float = field(default_factory=time.process_time)


def simulate(world: World, scenario: Scenario) -> Report:
    """Return what came of a scenario in a fresh world."""
    began = _Began()
    # Threads draw faults in whatever order they come: what people do is drawn apart, the same for the same seed.
    dice, dice_of_faults = Random(scenario.seed), Random(scenario.seed)  # noqa: S311  chance, no secret
    traffic = Traffic.starting(world, subscriptions=scenario.subscriptions, dice=dice)
    world.app.entries = list(traffic.entries)
    world.app.fresh_for = scenario.renew_after
    world.app.environ |= {
        "RENEW_AFTER": _iso(scenario.renew_after),
        "SUBSCRIPTION_LIFETIME": _iso(scenario.lifetime),
    }
    story = _Story(
        world=world,
        scenario=scenario,
        dice=dice,
        traffic=traffic,
        faults=Faults(world=world, share=scenario.faults, dice=dice_of_faults),
        watch=Watch.beginning(world),
    )
    return story.told(began)


def _iso(duration: timedelta) -> str:
    return f"PT{duration // timedelta(minutes=1)}M"


@dataclass(kw_only=True)
class _Story:
    world: World
    scenario: Scenario
    dice: Random
    traffic: Traffic
    faults: Faults
    watch: Watch
    deliveries: list[Delivery] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    _logins_met: int = 0

    def told(self, began: _Began) -> Report:
        self.world.graph.on_delivery(self.deliveries.append)
        self.faults.begin()
        for step in range(self.scenario.steps):
            self._turn(step)
            self.world.do(lambda: self.traffic.act(self.scenario.tenants))
            self.world.later(minutes=self.scenario.every / timedelta(minutes=1))
            self._removal(step)
            self._run()
        self._end()
        return self._report(began)

    def _turn(self, step: int) -> None:
        """Have the operator do what is due."""
        scenario, environ = self.scenario, self.world.app.environ
        if step in scenario.certificate_rotations:
            self.world.vault.create_certificate(CERTIFICATE_NAME)
        if step == scenario.key_rotation:
            environ |= {"CLIENT_STATE_KEY": _KEY, "CLIENT_STATE_KEY_PREVIOUS": environ["CLIENT_STATE_KEY"]}
        if step == scenario.key_farewell:
            environ.pop("CLIENT_STATE_KEY_PREVIOUS", None)

    def _removal(self, step: int) -> None:
        is_due = step and step % (self.scenario.removals_every // self.scenario.every) == 0
        if is_due and (live := self.world.do(self.world.graph.subscriptions)):
            self.watch.remove(self.dice.choice(live))

    def _run(self, *, force: bool = False) -> Counter[str]:
        ran_at = self.world.clock.now()
        done = Counter(self._reconciler().run(force=force))
        self.world.settle()
        self.done += done
        self.runs += 1
        self.watch.sample(ran_at)
        return done

    def _reconciler(self) -> Reconciler:
        met = self.world.login.faults.disturbed.total()
        if met > self._logins_met:
            # After a 429 or 5xx MSAL asks no more for five seconds, of the real clock: here, these are hours.
            self.world.app.restart()
            self._logins_met = met
        return self.world.app.reconciler()

    def _end(self) -> None:
        """Have everything settle without faults, and wait for what Graph still holds."""
        self.faults.end()
        self._run(force=True)
        self.world.later(minutes=_HALF_AN_HOUR / timedelta(minutes=1))
        self._run()
        if rest := +self._run():
            self.watch.broken.append(f"a settled world is not left alone: {dict(rest)}")

    def _report(self, began: _Began) -> Report:
        world = self.world
        services = {"Graph": world.graph_service, "Entra ID": world.login, "Key Vault": world.vault_service}
        return Report(
            scenario=self.scenario,
            runs=self.runs,
            calls=Counter({name: len(service.requests) for name, service in services.items()}),
            faults=self.faults.met(),
            done=self.done,
            removed=len(self.watch.removals),
            delivered=self._delivered(),
            published=sum(receipt.published for receipt in world.app.receipts),
            gaps=sum(
                row.missed_interval is not None for tenant_id in world.tenant_ids for row in world.rows(tenant_id)
            ),
            longest_absence=self.watch.longest_absence,
            longest_without_token=self.watch.longest_without_token,
            wall_time=timedelta(seconds=time.monotonic() - began.at),
            processor_time=timedelta(seconds=time.process_time() - began.processor),
            broken=[*self.watch.broken, *self._broken()],
        )

    def _delivered(self) -> int:
        return sum(len(each.items) for each in self.deliveries if each.answer.is_success)

    def _broken(self) -> Iterator[str]:
        world = self.world
        yield from self.watch.settled(world.app.certificate().version)
        rejected: Counter[str] = Counter()
        for receipt in world.app.receipts:
            rejected.update(receipt.rejected)
        if rejected:
            yield f"of what Graph delivered, these were rejected: {dict(rejected)}"
        if self._delivered() > len(world.app.published):
            yield f"{self._delivered()} notifications were delivered, {len(world.app.published)} events published"
        if world.graph.lost or world.graph.waiting:
            yield f"Graph lost {len(world.graph.lost)} notifications, and holds {world.graph.waiting}"
        if world.graph.hasty:
            yield f"{len(world.graph.hasty)} were renewed and reauthorized within ten minutes"
