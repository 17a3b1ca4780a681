"""An account's status in the table: when its subscriptions were listed, and when its endpoint was proven."""

from datetime import datetime
from typing import Any

from shared.subscriptions.tracked import AccountStatus
from shared.table import backoff_columns, backoff_from, column, optional_column

# The prefix of the row's key.
ACCOUNT = "listing-"


def account_key(*, delegated: bool) -> str:
    """Return the key of the row of the app's own account, or of the signed-in user's, in a tenant."""
    return f"{ACCOUNT}{'user' if delegated else 'app'}"


def account_columns(row: AccountStatus) -> dict[str, Any]:
    """Return all columns; that of a missing value is None."""
    return {
        "PartitionKey": row.tenant_id,
        "RowKey": account_key(delegated=row.delegated),
        "delegated": row.delegated,
        "listedDateTime": row.listed_at,
        "endpointProvenDateTime": row.endpoint_proven_at,
        "provenNotificationUrl": row.proven_url,
        "isRefused": row.is_refused or None,
        **backoff_columns(row.failure),
    }


def account_from(entity: Any) -> AccountStatus:
    """Return the status in a row; raises as ``column`` does, and ValueError if the key is another account's."""
    row = AccountStatus(
        tenant_id=entity["PartitionKey"],
        delegated=column(entity, "delegated", bool),
        listed_at=optional_column(entity, "listedDateTime", datetime),
        endpoint_proven_at=optional_column(entity, "endpointProvenDateTime", datetime),
        proven_url=optional_column(entity, "provenNotificationUrl", str),
        is_refused=optional_column(entity, "isRefused", bool) or False,
        failure=backoff_from(entity),
        etag=entity.metadata["etag"],
    )
    if account_key(delegated=row.delegated) != entity["RowKey"]:
        # Saving it would create another row and leave this one behind.
        raise ValueError("the row's key does not match its columns")
    return row
