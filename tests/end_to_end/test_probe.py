"""The app on its host asks its own public URL in each run of the timer."""

import pytest

from tests.end_to_end.deployed import Deployed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]


def test_run_of_the_timer_proves_that_the_app_takes_posts(app: Deployed) -> None:
    since = len(app.host.lines)
    assert app.run_timer()
    logged = app.logged(since)
    assert any(" failed_steps=0 owner=yes endpoint=yes " in line for line in logged)
    assert "probe" in app.blobs.get_container_client("parked").list_blob_names()
    # It is no POST of Graph: not in the queue, not tried again, and no line of its own.
    assert not any(b"probe" in event.lower() for event in app.events())
    assert app.run_timer()
    logged = app.logged(since)
    assert not any("stored POST" in line or "signed none of it" in line for line in logged)
    assert not [line for line in logged if "post received=" in line and "parked=0" not in line]
