"""What Graph is asked for, value by value."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.actions import Update, UpdateKind
from shared.certificates import Certificate
from shared.errors import Conflict, Misconfigured, NotFound, Problem, Unavailable
from shared.subscribing import Subscriber
from shared.subscription import Subscription
from shared.tracked import Observed, Tracked
from tests.sender import NONCE, STATE_KEY
from tests.shared.account import Calls, GraphOfOneAccount, SettableClock
from tests.shared.run_world import certificate
from tests.shared.tracked_values import HOUR, NOW, URL, WANTED

EXPIRATION = NOW + timedelta(days=2)
BASIC = replace(WANTED, resource="/teams", include_resource_data=False)
GONE = Unavailable("Key Vault does not answer")


class Account:
    """A subscriber and its Graph; ``paced`` counts how often it waited for its turn."""

    def __init__(self, current: Certificate | Problem | None) -> None:
        self.clock, self.calls, self.paced = SettableClock(), Calls(), 0
        self.graph = GraphOfOneAccount(self.clock, self.calls)
        self.subscriber = Subscriber(
            api=self.graph,
            notification_url=URL,
            client_state_key=STATE_KEY,
            certificate=current,
            nonce=lambda: NONCE,
            pace=self._pace,
            now=self.clock.now,
        )

    def _pace(self) -> None:
        self.paced += 1

    def listed(self) -> Subscription:
        (subscription,) = self.graph.list_subscriptions()
        return subscription


def _kept(observed: Observed | None) -> Tracked:
    return Tracked(desired=WANTED, observed=observed, etag="e")


def test_what_is_created_is_observed_as_it_was_asked_for() -> None:
    account = Account(certificate())
    account.clock.pass_by(HOUR)
    observed = account.subscriber.create(WANTED, EXPIRATION)
    assert observed == Observed(
        subscription_id="s0",
        notification_url=URL,
        include_resource_data=True,
        certificate_id="c1",
        renewed_at=NOW + HOUR,
        expiration=EXPIRATION,
    )
    fetched = account.subscriber.create(replace(BASIC, fetch=True), EXPIRATION)
    assert (fetched.certificate_id, fetched.notification_url) == (None, f"{URL}?fetch=v1.0")


@pytest.mark.parametrize(("current", "problem"), [(None, Misconfigured), (GONE, Unavailable)])
def test_resource_data_are_not_asked_for_without_a_certificate(current: Problem | None, problem: type[Problem]) -> None:
    account = Account(current)
    with pytest.raises(problem):
        account.subscriber.create(WANTED, EXPIRATION)
    assert account.calls.made == []
    assert account.subscriber.create(BASIC, EXPIRATION).certificate_id is None


def test_a_certificate_that_cannot_be_had_does_not_keep_what_lives_from_being_renewed() -> None:
    account = Account(certificate())
    observed = account.subscriber.create(WANTED, EXPIRATION)
    without = replace(account.subscriber, certificate=GONE)
    later = EXPIRATION + HOUR
    for kind in (UpdateKind.ADOPT, UpdateKind.RENEW, UpdateKind.ROTATE):
        action = Update(kind=kind, tracked=_kept(observed), subscription=account.listed(), expiration=later)
        assert without.renew(action) == (replace(observed, expiration=later), None)
        assert set(account.graph.sent[-1]) == {"expirationDateTime"}


@pytest.mark.parametrize(
    ("kind", "sends"), [(UpdateKind.ADOPT, True), (UpdateKind.ROTATE, True), (UpdateKind.RENEW, False)]
)
def test_the_certificate_goes_with_adoption_and_rotation_only(kind: UpdateKind, *, sends: bool) -> None:
    account = Account(certificate())
    observed = account.subscriber.create(WANTED, EXPIRATION)
    rotated = replace(account.subscriber, certificate=certificate("c2"))
    action = Update(kind=kind, tracked=_kept(observed), subscription=account.listed(), expiration=EXPIRATION)
    renewed, _ = rotated.renew(action)
    assert renewed.certificate_id == ("c2" if sends else "c1")
    assert ("encryptionCertificate" in account.graph.sent[-1]) == sends


def test_no_certificate_goes_with_what_has_no_resource_data() -> None:
    account = Account(certificate())
    observed = account.subscriber.create(BASIC, EXPIRATION)
    row = Tracked(desired=BASIC, observed=observed)
    account.subscriber.renew(
        Update(kind=UpdateKind.ADOPT, tracked=row, subscription=account.listed(), expiration=EXPIRATION)
    )
    assert "encryptionCertificate" not in account.graph.sent[-1]


def test_a_certificate_that_graph_refuses_is_left_out_and_told() -> None:
    account = Account(certificate())
    observed = account.subscriber.create(WANTED, EXPIRATION)
    account.graph.bad_certificates.add("c2")
    rotated = replace(account.subscriber, certificate=certificate("c2"))
    action = Update(
        kind=UpdateKind.ROTATE, tracked=_kept(observed), subscription=account.listed(), expiration=EXPIRATION + HOUR
    )
    renewed, problem = rotated.renew(action)
    assert renewed == replace(observed, expiration=EXPIRATION + HOUR)
    assert isinstance(problem, Misconfigured)
    assert account.paced == 3


def test_a_conflict_over_a_certificate_does_not_cost_the_renewal() -> None:
    account, conflict = Account(certificate()), Conflict("Graph answered 409")
    observed = account.subscriber.create(WANTED, EXPIRATION)
    action = Rotate(tracked=_kept(observed), subscription=account.listed(), expiration=EXPIRATION + HOUR)
    refusals = iter([conflict])

    def refuse_once(call: str) -> None:
        if call == "update":
            for refusal in refusals:
                raise refusal

    account.calls.before = refuse_once
    renewed, problem = account.subscriber.renew(action)
    assert (renewed.expiration, problem) == (EXPIRATION + HOUR, conflict)
    assert set(account.graph.sent[-1]) == {"expirationDateTime"}


def test_an_adopted_subscription_has_the_certificate_that_graph_lists_and_not_its_predecessors() -> None:
    account = Account(certificate())
    predecessor = replace(account.subscriber.create(WANTED, EXPIRATION), subscription_id="gone", certificate_id="c0")
    without = replace(account.subscriber, certificate=None)
    for row in (_kept(predecessor), _kept(None)):
        adopted, _ = without.renew(
            Update(kind=UpdateKind.ADOPT, tracked=row, subscription=account.listed(), expiration=EXPIRATION)
        )
        assert adopted.certificate_id == "c1"


@pytest.mark.parametrize("problem", [NotFound("404"), Unavailable("503")], ids=str)
def test_what_has_nothing_to_do_with_the_certificate_is_not_tried_without_it(problem: Problem) -> None:
    account = Account(certificate())
    observed = account.subscriber.create(WANTED, EXPIRATION)
    listed = account.listed()
    account.graph.refused[WANTED.resource] = problem
    with pytest.raises(type(problem)):
        account.subscriber.renew(
            Update(kind=UpdateKind.ROTATE, tracked=_kept(observed), subscription=listed, expiration=EXPIRATION)
        )
    assert account.calls.made.count("update") == 1


def test_what_is_refused_with_and_without_its_certificate_is_refused() -> None:
    account = Account(certificate())
    observed = account.subscriber.create(WANTED, EXPIRATION)
    account.graph.refused[WANTED.resource] = Misconfigured("Graph answered 403")
    for kind in (UpdateKind.ROTATE, UpdateKind.RENEW):
        with pytest.raises(Misconfigured):
            account.subscriber.renew(
                Update(kind=kind, tracked=_kept(observed), subscription=account.listed(), expiration=EXPIRATION)
            )


def test_what_is_gone_is_unsubscribed_already() -> None:
    account = Account(None)
    account.subscriber.create(BASIC, EXPIRATION)
    listed = account.listed()
    for _ in range(2):
        account.subscriber.delete(listed)
    account.subscriber.delete(None)
    assert account.graph.kept == {}
    assert account.calls.made.count("delete") == 2


def test_every_write_waits_for_its_turn() -> None:
    account = Account(certificate())
    observed = account.subscriber.create(WANTED, EXPIRATION)
    listed = account.listed()
    account.subscriber.renew(
        Update(kind=UpdateKind.RENEW, tracked=_kept(observed), subscription=listed, expiration=EXPIRATION)
    )
    account.subscriber.delete(listed)
    assert account.paced == len([call for call in account.calls.made if call != "list"])
