"""What is posted when costs are measured: no notification twice, or the filter of repetitions would be measured."""

import json

import pytest

from benchmarks.apps.kinds import MEMBER, MESSAGE, TEAM, Kind, fetched_item
from benchmarks.posts import Addressee
from tests.fakes.graph_sender import graph
from tests.sender import CLIENT_ID, TENANT, client_state

ADDRESSEE = Addressee(sender=graph(), client_id=CLIENT_ID, tenant_id=TENANT, client_state=client_state())
FETCHED = Kind(name="fetched", item=fetched_item({number: f"chats('c')/messages('{number}')" for number in range(4)}))


@pytest.mark.parametrize("kind", [MESSAGE, MEMBER, TEAM, FETCHED], ids=lambda kind: kind.name)
def test_items_of_different_numbers_are_of_different_resources(kind: Kind) -> None:
    posts = [json.loads(kind.post(ADDRESSEE, numbers, "token")) for numbers in ([0, 1], [2, 3])]
    resources = [item["resource"] for post in posts for item in post["value"]]
    assert len(set(resources)) == 4
    assert all(post["validationTokens"] == ["token"] for post in posts)
