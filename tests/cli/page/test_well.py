"""The live page of an app that is well, and has run its timer."""

from collections.abc import Iterator

import msgspec
import pytest

from dashboard.snapshot import Light
from sandbox.azurite import Azurite
from tests.cli.doctor.patients import patient
from tests.cli.operator import Operator
from tests.cli.page.looking import look, source

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("doctor")]


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory, azurite: Azurite) -> Iterator[Operator]:
    with patient(tmp_path_factory.mktemp("page"), azurite) as operator:
        yield operator


def test_page_shows_the_subscriptions_certificate_key_and_run(well: Operator) -> None:
    shown = look(source(well))
    assert shown.health.light == Light.GREEN
    assert shown.health.sentence == "Graph delivers, and nothing waits"
    assert [(each.resource, each.content, each.state) for each in shown.subscriptions] == [
        ("/chats/getAllMessages", "resource data", "active"),
        ("/teams", "ids only", "active"),
    ]
    certificate, key = shown.credentials
    assert (certificate.use, key.use) == ("1 in use", "2 in use")
    assert certificate.ends_at is not None
    assert shown.next_run is not None
    assert shown.next_run.plan == ("Compare 2 desired subscriptions with Graph's list",)
    assert shown.controls is None


def test_settings_of_another_app_are_said_without_a_key(well: Operator) -> None:
    shown = look(source(well, NOTIFICATION_URL="https://other.example/api/x?code=secret"))
    assert shown.place == "https://other.example/api/x"
    assert any(note.startswith("NOTIFICATION_URL is https://other.example/api/x here") for note in shown.notes)
    assert b"code=secret" not in msgspec.json.encode(shown)
