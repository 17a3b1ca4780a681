"""The sample: at most 500 lists, each as likely as any other."""

import random
from collections import Counter
from itertools import batched

from hypothesis import given
from hypothesis import strategies as st

from shared.audit.audit import Audit, AuditState, daily_audit
from shared.audit.draw import MAX_LISTS, with_page
from tests.fakes.subscription_values import NOW
from tests.sender import TENANT


def _drawn(count: int, page: int, seed: int) -> Audit:
    chance = random.Random(seed)  # noqa: S311  chance that can be repeated, no secret
    audit = daily_audit(TENANT, "/chats/getAllMessages", NOW, previous=None)
    pages = list(batched(map(str, range(count)), page, strict=False)) or [()]
    for number, ids in enumerate(pages, start=1):
        audit = with_page(audit, ids, "more" if number < len(pages) else None, chance)
    return audit


@given(count=st.integers(0, 1200), page=st.integers(1, 999), seed=st.integers(0, 99))
def test_sample_has_distinct_lists_of_all_pages(count: int, page: int, seed: int) -> None:
    audit = _drawn(count, page, seed)
    assert (audit.of, len(audit.lists), audit.state) == (count, min(count, MAX_LISTS), AuditState.READING)
    assert len(set(audit.lists)) == len(audit.lists)
    assert set(audit.lists) <= set(map(str, range(count)))


def test_each_list_is_as_likely_as_any_other() -> None:
    drawn = Counter(int(list_) // 500 for seed in range(60) for list_ in _drawn(2000, 300, seed).lists)
    # 30,000 in four parts, with a standard deviation of 65.
    assert all(abs(count - 7500) < 350 for count in drawn.values())


def test_lists_that_are_read_first_are_of_all_pages() -> None:
    first = Counter(int(list_) // 250 for seed in range(100) for list_ in _drawn(500, 100, seed).lists[:50])
    assert abs(first[0] - first[1]) < 500
