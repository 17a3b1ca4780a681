"""One action at a time: what is announced, what is asked, what is recorded, and in which order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.actions import Action, Create, Delete, Update, UpdateKind
from shared.certificates import Certificate
from shared.errors import Conflict, Misconfigured, Unavailable
from shared.subscribing import Subscriber
from shared.tracked import Gap, Heard, Tracked
from shared.upkeep import Upkeep
from tests.sender import NONCE, STATE_KEY, TENANT
from tests.shared.account import Calls, GraphOfOneAccount, SettableClock, TableInADict
from tests.shared.run_world import certificate
from tests.shared.tracked_values import HOUR, MINUTE, NOW, POLICY, URL, WANTED, failure

EXPIRATION = NOW + timedelta(days=2)
BASIC = replace(WANTED, include_resource_data=False)
REFUSED = Misconfigured("Graph answered 403")


class Account:
    """One account, with one subscription to do something about."""

    def __init__(self) -> None:
        self.clock, self.calls = SettableClock(), Calls()
        self.graph, self.table = GraphOfOneAccount(self.clock, self.calls), TableInADict(self.calls)
        self.subscriber = Subscriber(
            api=self.graph,
            notification_url=URL,
            client_state_key=STATE_KEY,
            certificate=None,
            nonce=lambda: NONCE,
            pace=lambda: None,
            now=self.clock.now,
        )
        policy = replace(POLICY, client_state_key_id=STATE_KEY.key_id, certificate_id=None)
        self.upkeep = Upkeep(subscriber=self.subscriber, tracking=self.table, policy=policy)

    def upkeep_with(self, current: Certificate) -> Upkeep:
        return replace(self.upkeep, subscriber=replace(self.subscriber, certificate=current))

    @property
    def row(self) -> Tracked:
        (row,) = self.table.tracked()
        return row

    def created(self) -> Tracked:
        assert self.upkeep.perform(Create(tracked=Tracked(desired=BASIC), expiration=EXPIRATION)) is None
        self.calls.made.clear()
        return self.row

    def renewal(self) -> Update:
        (listed,) = self.graph.list_subscriptions()
        self.calls.made.clear()
        return Update(kind=UpdateKind.RENEW, tracked=self.row, subscription=listed, expiration=EXPIRATION + HOUR)

    def recreation(self) -> Update:
        return replace(self.renewal(), kind=UpdateKind.RECREATE, expiration=EXPIRATION)

    def deletion(self) -> Delete:
        renewal = self.renewal()
        return Delete(tracked=renewal.tracked, subscription=renewal.subscription)


def test_a_creation_is_announced_before_graph_is_asked_with_the_key_that_will_sign_it() -> None:
    account, seen = Account(), list[Tracked]()

    def look(call: str) -> None:
        if call == "create":
            seen.append(account.row)

    account.calls.before = look
    account.upkeep.perform(Create(tracked=Tracked(desired=BASIC), expiration=EXPIRATION, gap=Gap(since=NOW - HOUR)))
    assert account.calls.made == ["save", "create", "save"]
    assert (seen[0].observed, seen[0].client_state_key_id) == (None, STATE_KEY.key_id)
    assert seen[0].gap == Gap(since=NOW - HOUR)
    assert account.row.gap == Gap(since=NOW - HOUR, until=NOW)


def test_a_new_subscription_is_announced_before_the_old_one_is_deleted_and_keeps_the_old_key_till_then() -> None:
    account, keys = Account(), list[str | None]()
    former = account.table.save(replace(account.created(), client_state_key_id="k0"))
    account.table.heard[TENANT, "s0"] = Heard(removed_at=NOW)
    account.calls.before = lambda _call: keys.append(account.row.client_state_key_id)
    assert account.upkeep.perform(replace(account.recreation(), tracked=former)) is None
    assert account.calls.made == ["save", "delete", "save", "create", "save", "forget"]
    assert keys[-4:] == ["k0", STATE_KEY.key_id, STATE_KEY.key_id, STATE_KEY.key_id]
    assert account.table.heard == {}


def test_a_deletion_is_announced_too_and_the_row_goes_last() -> None:
    account = Account()
    account.created()
    assert account.upkeep.perform(account.deletion()) is None
    assert account.calls.made == ["save", "delete", "remove", "forget"]
    assert account.table.rows == {}


def test_a_row_that_has_nothing_at_graph_is_just_removed() -> None:
    account = Account()
    row = account.table.save(Tracked(desired=BASIC))
    account.calls.made.clear()
    assert account.upkeep.perform(Delete(tracked=row, subscription=None)) is None
    assert account.calls.made == ["remove"]


def test_a_renewal_needs_no_announcement() -> None:
    account = Account()
    account.created()
    assert account.upkeep.perform(account.renewal()) is None
    assert account.calls.made == ["update", "save"]
    assert account.row.observed is not None
    assert account.row.observed.expiration == EXPIRATION + HOUR


@pytest.mark.parametrize("kind", ["create", "recreate", "delete"])
def test_what_another_run_has_in_hand_is_not_asked_of_graph(kind: str) -> None:
    account = Account()
    if kind == "create":
        action: Action = Create(tracked=Tracked(desired=BASIC), expiration=EXPIRATION)
        account.table.save(Tracked(desired=BASIC))
    else:
        account.created()
        action = account.recreation() if kind == "recreate" else account.deletion()
        account.table.save(account.row)
    account.calls.made.clear()
    with pytest.raises(Conflict):
        account.upkeep.perform(action)
    assert account.calls.made == ["save"]


def test_what_fails_stands_in_the_row_with_its_gap_and_the_next_success_clears_it() -> None:
    account = Account()
    account.graph.refused[BASIC.resource] = REFUSED
    creation = Create(tracked=Tracked(desired=BASIC), expiration=EXPIRATION, gap=Gap(since=NOW - HOUR))
    assert account.upkeep.perform(creation) is REFUSED
    failed = account.row
    assert failed.failure is not None
    assert (failed.failure.count, failed.failure.retry_at) == (1, NOW + 4 * MINUTE)
    assert failed.gap == Gap(since=NOW - HOUR)
    account.clock.pass_by(HOUR)
    assert account.upkeep.perform(replace(creation, tracked=failed, gap=Gap(since=NOW))) is REFUSED
    again = account.row.failure
    assert again is not None
    assert again.count == 2
    account.graph.refused.clear()
    assert account.upkeep.perform(replace(creation, tracked=account.row, gap=None)) is None
    assert account.row.failure is None
    assert account.row.gap == Gap(since=NOW - HOUR, until=NOW + HOUR)


def test_what_lives_shortly_with_a_refused_certificate_is_tried_again_before_it_ends() -> None:
    """A pause of an hour would outlast a subscription to presence."""
    account = Account()
    rich = account.upkeep_with(certificate())
    creation = Create(tracked=Tracked(desired=WANTED), expiration=NOW + 40 * MINUTE)
    assert rich.perform(creation) is None
    account.graph.bad_certificates.add("c2")
    row = account.table.save(replace(account.row, failure=failure(retry_at=NOW, count=9)))
    rotation = Update(
        kind=UpdateKind.ROTATE, tracked=row, subscription=account.renewal().subscription, expiration=NOW + 40 * MINUTE
    )
    assert isinstance(account.upkeep_with(certificate("c2")).perform(rotation), Misconfigured)
    assert account.row.failure is not None
    assert account.row.failure.retry_at == NOW + 20 * MINUTE


@pytest.mark.parametrize(
    ("problem", "pause"),
    [
        (Unavailable("Graph answered 503"), 20 * MINUTE),
        (REFUSED, 20 * MINUTE),
        (Unavailable("Graph answered 429", retry_after=30 * MINUTE), HOUR),
    ],
)
def test_what_lives_shortly_is_tried_again_before_it_ends_unless_graph_asks_for_more(
    problem: Misconfigured | Unavailable, pause: timedelta
) -> None:
    account = Account()
    assert account.upkeep.perform(Create(tracked=Tracked(desired=BASIC), expiration=NOW + 40 * MINUTE)) is None
    renewal = account.renewal()
    account.graph.refused[BASIC.resource] = problem
    row = account.table.save(replace(renewal.tracked, failure=failure(retry_at=NOW, count=9)))
    assert account.upkeep.perform(replace(renewal, tracked=row)) is problem
    assert account.row.failure is not None
    assert account.row.failure.retry_at == NOW + pause


def test_a_deletion_that_fails_keeps_the_row() -> None:
    account = Account()
    account.created()
    deletion, busy = account.deletion(), Unavailable("Graph answered 503")

    def down(call: str) -> None:
        if call == "delete":
            raise busy

    account.calls.before = down
    assert account.upkeep.perform(deletion) is busy
    assert account.row.failure is not None


def test_what_was_heard_stays_as_long_as_its_subscription() -> None:
    account = Account()
    account.created()
    account.table.heard[TENANT, "s0"] = Heard(notification_at=NOW)
    account.upkeep.perform(account.renewal())
    assert (TENANT, "s0") in account.table.heard


def test_an_adopted_subscription_of_an_unknown_key_is_taken_for_one_of_the_current_key() -> None:
    account = Account()
    account.created()
    renewal = account.renewal()
    account.table.rows.clear()
    adoption = Update(
        kind=UpdateKind.ADOPT, tracked=Tracked(desired=BASIC), subscription=renewal.subscription, expiration=EXPIRATION
    )
    assert account.upkeep.perform(adoption) is None
    assert account.row.client_state_key_id == STATE_KEY.key_id


def test_what_is_gone_twice_is_a_failure_and_no_endless_loop() -> None:
    """Created anew after a 404, and refused (409) because it does exist: the next run looks again."""
    account = Account()
    account.created()
    renewal = account.renewal()
    gone = replace(renewal, subscription=replace(renewal.subscription, subscription_id="gone"))
    assert isinstance(account.upkeep.perform(gone), Conflict)
    assert account.calls.made == ["update", "save", "create", "save"]
    assert account.row.failure is not None
