"""An audit whose hour is over asks for nothing more, whatever Graph has answered until then."""

from tests.fakes.audit_fixture import AuditFixture
from tests.fakes.catch_up_fixture import USERS
from tests.fakes.subscription_values import HOUR, MINUTE, NOW


def test_hour_that_is_over_ends_a_sample_of_users_without_teams() -> None:
    world = AuditFixture()
    world.took = MINUTE
    # Graph answers 404 for each of them: there is no page at whose end the time would be looked at.
    world.lists[USERS] = [[{"id": f"u{number}"} for number in range(100)]]
    world.run(time=2 * HOUR)
    [audit] = world.ended
    assert audit.reason == f"its hour is over, and {100 - audit.read} lists are left"
    assert world.asked[-1][0] < NOW + HOUR
