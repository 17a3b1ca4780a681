"""What Graph is asked for by an action, value by value."""

from dataclasses import replace

import pytest

from shared.errors import Conflict, Misconfigured, NotFound, Problem, Unavailable
from shared.subscriptions.tracked import AppliedSubscription, Delete, TrackedSubscription, UpdateKind
from tests.fakes.apply_fixture import BASIC, EXPIRATION, ApplyFixture, creation
from tests.fakes.calls import raising, when
from tests.fakes.reconcile_fixture import certificate
from tests.fakes.subscription_values import HOUR, NOW, URL, WANTED
from tests.sender import STATE_KEY

KEYED_URL = f"{URL}?key={STATE_KEY.key_id}"
UNAVAILABLE = Unavailable("Key Vault does not answer")


def _rich() -> ApplyFixture:
    account = ApplyFixture(certificate())
    account.created(WANTED)
    return account


def test_a_created_subscription_is_recorded_as_graph_was_asked_for_it() -> None:
    account = ApplyFixture(certificate())
    account.clock.pass_by(HOUR)
    account.created(WANTED)
    assert account.observed == AppliedSubscription(
        subscription_id="s0",
        notification_url=KEYED_URL,
        include_resource_data=True,
        certificate_id="c1",
        created_at=NOW + HOUR,
        renewed_at=NOW + HOUR,
        proven_at=NOW + HOUR,
        token_expires_at=NOW + 2 * HOUR,
        expiration=EXPIRATION,
    )


def test_fetched_subscription_has_its_url_and_no_certificate() -> None:
    account = ApplyFixture(certificate())
    account.created(replace(BASIC, fetch=True))
    assert (account.observed.certificate_id, account.observed.notification_url) == (None, f"{KEYED_URL}&fetch=v1.0")


@pytest.mark.parametrize(("current", "problem"), [(None, Misconfigured), (UNAVAILABLE, Unavailable)])
def test_resource_data_are_not_asked_for_without_a_certificate(current: Problem | None, problem: type[Problem]) -> None:
    account = ApplyFixture(current)
    assert isinstance(account.apply(creation(WANTED)), problem)
    assert "create" not in account.calls.made
    assert account.apply(creation(BASIC)) is None


@pytest.mark.parametrize("kind", [UpdateKind.ADOPT, UpdateKind.RENEW, UpdateKind.ROTATE])
def test_an_unavailable_certificate_does_not_stop_a_renewal(kind: UpdateKind) -> None:
    account = _rich()
    observed = account.observed
    assert account.apply(account.update(kind), certificate=UNAVAILABLE) is None
    assert account.observed == replace(observed, expiration=EXPIRATION + HOUR)
    assert set(account.graph.sent[-1]) == {"expirationDateTime"}


@pytest.mark.parametrize(
    ("kind", "is_sent"), [(UpdateKind.ADOPT, True), (UpdateKind.ROTATE, True), (UpdateKind.RENEW, False)]
)
def test_the_certificate_goes_with_adoption_and_rotation_only(kind: UpdateKind, *, is_sent: bool) -> None:
    account = _rich()
    assert account.apply(account.update(kind), certificate=certificate("c2")) is None
    assert account.observed.certificate_id == ("c2" if is_sent else "c1")
    assert ("encryptionCertificate" in account.graph.sent[-1]) == is_sent


def test_no_certificate_goes_with_a_subscription_without_resource_data() -> None:
    account = ApplyFixture(certificate())
    account.created()
    account.apply(account.update(UpdateKind.ADOPT))
    assert "encryptionCertificate" not in account.graph.sent[-1]


def test_a_certificate_that_graph_refuses_is_left_out_and_reported() -> None:
    account = _rich()
    observed = account.observed
    account.graph.bad_certificates.add("c2")
    problem = account.apply(account.update(UpdateKind.ROTATE), certificate=certificate("c2"))
    assert isinstance(problem, Misconfigured)
    assert account.observed == replace(observed, expiration=EXPIRATION + HOUR)
    assert account.paced == 3


@pytest.mark.parametrize("has_predecessor", [True, False])
def test_an_adopted_subscription_has_the_certificate_that_graph_lists(*, has_predecessor: bool) -> None:
    account = _rich()
    adoption = account.update(UpdateKind.ADOPT)
    predecessor = replace(account.observed, subscription_id="gone", certificate_id="c0") if has_predecessor else None
    row = replace(adoption.tracked, applied=predecessor)
    assert account.apply(replace(adoption, tracked=row), certificate=UNAVAILABLE) is None
    assert account.observed.certificate_id == "c1"


def test_a_conflict_over_a_certificate_does_not_cost_the_renewal() -> None:
    account, conflict = _rich(), Conflict("Graph answered 409")
    rotation = account.update(UpdateKind.ROTATE)
    account.calls.before = when("update", raising(conflict, times=1))
    assert account.apply(rotation, certificate=certificate()) is conflict
    assert set(account.graph.sent[-1]) == {"expirationDateTime"}


@pytest.mark.parametrize("problem", [NotFound("404"), Unavailable("503")], ids=str)
def test_update_failing_for_another_reason_keeps_its_certificate(problem: Problem) -> None:
    account = _rich()
    rotation = account.update(UpdateKind.ROTATE)
    account.graph.refused[WANTED.resource] = problem
    account.apply(rotation)
    assert account.calls.made.count("update") == 1


@pytest.mark.parametrize("kind", [UpdateKind.ROTATE, UpdateKind.RENEW])
def test_an_update_that_is_refused_with_and_without_its_certificate_fails(kind: UpdateKind) -> None:
    account = _rich()
    observed, update = account.observed, account.update(kind)
    account.graph.refused[WANTED.resource] = Misconfigured("Graph answered 403")
    assert isinstance(account.apply(update), Misconfigured)
    assert account.observed == observed


def test_a_subscription_that_is_gone_counts_as_deleted() -> None:
    account = ApplyFixture()
    account.created()
    deletion = account.deletion()
    account.graph.stored.clear()
    assert account.apply(deletion) is None
    assert account.calls.made.count("delete") == 1


def test_every_write_waits_for_the_rate_limit() -> None:
    account = _rich()
    account.apply(account.update())
    account.apply(account.deletion())
    account.apply(Delete(tracked=TrackedSubscription(desired=BASIC), subscription=None))
    assert account.paced == 3


def test_endpoint_that_was_cold_costs_no_attempt_without_the_certificate() -> None:
    """Row: a PATCH that validates both URLs; a 400 because the endpoint was cold."""
    account = ApplyFixture(certificate())
    account.created(WANTED)
    rotation, before = account.update(UpdateKind.ROTATE), account.observed
    refusal = Misconfigured("Graph answered 400: ValidationError: Subscription validation request failed.")
    account.graph.refused = {WANTED.resource: refusal}
    assert account.apply(rotation) is refusal
    assert account.calls.made == ["update", "save"]
    assert account.observed == before
    account.graph.refused = {}
    assert account.apply(replace(rotation, tracked=account.row), certificate=certificate("c2")) is None
    assert (account.observed.certificate_id, account.row.failure) == ("c2", None)
