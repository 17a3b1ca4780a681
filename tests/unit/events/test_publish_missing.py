"""What has no record is published and returned: what an audit counts as missing."""

from datetime import timedelta

import pytest

from shared.errors import Unavailable
from tests.fakes.publish_once_fixture import NOW, Table, Worker, in_time, message


def test_only_what_has_no_record_is_published_and_returned() -> None:
    worker = Worker(Table())
    known, missing = message(etag="1"), message(etag="2")
    worker.publish(known)
    with worker.published.writer.invocation():
        assert list(worker.published.publish_missing([known, missing], in_time())) == [missing]
        assert list(worker.published.publish_missing([known, missing], in_time())) == []
    assert worker.sunk == [known, missing]


def test_record_of_two_days_ago_still_counts() -> None:
    worker = Worker(Table())
    event = message()
    worker.publish(event)
    later = Worker(worker.table, now=NOW + timedelta(days=2))
    assert list(later.published.publish_missing([event], in_time())) == []


def test_nothing_is_missing_as_long_as_the_table_is_silent() -> None:
    def fail(_call: str) -> None:
        raise Unavailable("silent")

    worker = Worker(Table(trouble=fail))
    with pytest.raises(Unavailable, match="nothing is published without it"):
        worker.published.publish_missing([message()], in_time())
    assert worker.sunk == []
