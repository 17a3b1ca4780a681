"""What chaos runs take out of the app: each edit still fits the app as it is."""

import pytest

from tests.chaos.removals import EDITS, Without
from tests.guards.guard import REPOSITORY


@pytest.mark.parametrize("without", EDITS)
def test_edit_changes_one_place_of_its_module(without: Without) -> None:
    guard = EDITS[without]
    source = (REPOSITORY / guard.module).read_text(encoding="utf-8")
    assert guard.mutated(source) != source
