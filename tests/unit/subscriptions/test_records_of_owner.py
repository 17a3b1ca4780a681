"""Records, the last audit and the hours of changes are of the storage account: whoever is the owner has them."""

from dataclasses import replace

import pytest

from shared.subscriptions.deployment_status import DeploymentStatus, LastAudit, Records, status_of_run
from tests.fakes.deployments import FACTS, status
from tests.fakes.subscription_values import HOUR, NOW

_RECORDS, _AUDIT = Records(since=NOW - HOUR, layout=1), LastAudit(at=NOW, figures="lists=1 of=1 checked=1 missing=0")
_HEARD = {NOW - HOUR: (12, 11)}
_OWNER = replace(status("first"), records=_RECORDS, audit=_AUDIT, heard=_HEARD)


@pytest.mark.parametrize("row", [_OWNER, status("second")], ids=["the same", "another"])
def test_next_run_of_the_owner_has_what_the_former_had(row: DeploymentStatus) -> None:
    began = status_of_run(row, FACTS, former=_OWNER, now=NOW)
    assert (began.records, began.audit, began.heard) == (_RECORDS, _AUDIT, _HEARD)


def test_deployment_that_owns_nothing_keeps_neither() -> None:
    began = status_of_run(_OWNER, FACTS, former=None, now=NOW)
    assert (began.records, began.audit, began.heard) == (None, None, {})
