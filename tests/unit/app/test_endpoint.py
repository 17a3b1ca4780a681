"""The endpoint's verdict in a run: asked once, again after a period, and logged when it changes."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.app.endpoint import EndpointWatch
from shared.graph.endpoint_probe import EndpointProbe, ProbeResult
from shared.notifications.probe import Verdict
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import MINUTE, NOW, URL
from tests.sender import PREVIOUS_STATE_KEY, STATE_KEY, TENANT

PERIOD = 5 * MINUTE


class ToldProbe(EndpointProbe):
    """A probe whose results are told beforehand."""

    def told(self, results: Sequence[Verdict]) -> "ToldProbe":
        object.__setattr__(self, "results", iter(results))
        return self

    def ask(self, *, has_said_yes: bool) -> ProbeResult:
        verdict = next(self.results)  # type: ignore[attr-defined]  # set by ``told``
        return ProbeResult(verdict=verdict, reason=f"a reason, {has_said_yes}")


def _watch(clock: SettableClock, *results: Verdict) -> EndpointWatch:
    probe = ToldProbe(url=URL, tenant_id=TENANT, sign=str, last_parked=bytes, pool=ThreadPoolExecutor(1), clock=clock)
    return EndpointWatch(probe=probe.told(results), has_said_yes=lambda: True, clock=clock)


def test_answer_states_when_it_was_asked_for() -> None:
    watch = _watch(SettableClock(), Verdict.YES)
    watch.begin()
    answer = watch.answer()
    assert (answer.url, answer.verdict, answer.asked_at) == (URL, Verdict.YES, NOW)
    assert watch.facts() == {"endpoint": "yes"}


def test_endpoint_is_asked_again_after_a_period() -> None:
    """A run that lasts longer asks again every period, or each long run would be an outage."""
    clock = SettableClock()
    watch = _watch(clock, Verdict.YES, Verdict.NO)
    assert watch.next_answer(PERIOD) is None
    watch.begin()
    watch.answer()
    clock.pass_by(PERIOD - timedelta(seconds=1))
    first = watch.next_answer(PERIOD)
    clock.pass_by(timedelta(seconds=1))
    assert watch.next_answer(PERIOD) == first
    assert watch.answer().verdict is Verdict.NO
    assert watch.answer().asked_at == NOW + PERIOD


def test_verdict_is_logged_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    verdicts = [Verdict.YES, Verdict.NO, Verdict.NO, Verdict.CANNOT_TELL, Verdict.YES]
    watch = _watch(SettableClock(), *verdicts)
    for _ in verdicts:
        watch.begin()
        watch.answer()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING", "INFO"]
    assert "a reason, True" in caplog.messages[0]
    assert watch.facts() == {"endpoint": "yes"}


def test_probe_is_signed_with_the_key_of_the_run() -> None:
    """A new key is known everywhere before it signs: an instance with former settings would drop the probe."""
    watch = _watch(SettableClock(), Verdict.YES)
    for key in (STATE_KEY, PREVIOUS_STATE_KEY):
        watch.sign_with(key)
        assert watch.probe.sign().startswith(f"v1.{key.key_id}.")
