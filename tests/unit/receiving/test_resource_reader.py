"""Resources read one after the other, at the pace that Graph asks for."""

from datetime import timedelta

from shared.errors import NotFound, Problem, Unavailable
from shared.graph.location import ResourceLocation
from shared.notifications.decryption import ResourceContent
from shared.receiving.resource_reader import RateLimitedReader
from shared.timing import Deadline
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import MINUTE, NOW
from tests.sender import TENANT

SECOND = timedelta(seconds=1)
CONTENT = ResourceContent.from_json(b"{}")
CHATS = [ResourceLocation(tenant_id=TENANT, path=f"/v1.0/chats/{id_}") for id_ in "ab"]


def _reader(clock: SettableClock, *answers: ResourceContent | Problem) -> RateLimitedReader:
    left = list(answers)

    def get(_location: ResourceLocation) -> ResourceContent:
        answer = left.pop(0)
        if isinstance(answer, Problem):
            raise answer
        return answer

    return RateLimitedReader(get, clock)


def test_short_pause_is_slept_through_and_a_missing_resource_is_an_answer() -> None:
    clock, missing = SettableClock(), NotFound("404")
    reader = _reader(clock, Unavailable("429", retry_after=15 * SECOND), CONTENT, missing)
    assert reader.read(CHATS, Deadline.after(MINUTE)) == dict(zip(CHATS, [CONTENT, missing], strict=True))
    assert clock.now() == NOW + 15 * SECOND


def test_longer_pause_is_left_to_the_next_attempt() -> None:
    clock, longer = SettableClock(), Unavailable("429", retry_after=16 * SECOND)
    assert _reader(clock, longer, CONTENT).read(CHATS, Deadline.after(MINUTE)) == {CHATS[0]: longer, CHATS[1]: CONTENT}
    assert clock.now() == NOW


def test_nothing_is_read_after_the_deadline() -> None:
    found = _reader(SettableClock()).read(CHATS, Deadline.after(-SECOND))
    assert {location: str(problem) for location, problem in found.items()} == dict.fromkeys(
        CHATS, "the deadline has passed"
    )
