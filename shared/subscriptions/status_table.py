"""The table ``status``: a row for each deployment, and the row ``owner``.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model (Timestamp)
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from azure.data.tables import TableServiceClient

from shared.errors import NewerRows
from shared.subscriptions.deployment_status import (
    OK,
    Answers,
    DeploymentFacts,
    DeploymentStatus,
    LastAudit,
    Owner,
    Records,
    StatusState,
    WantedNone,
)
from shared.subscriptions.heard import HeardHours
from shared.table import Entity, Table, column, decode_row, optional_column
from shared.timing import utc_time

TABLE = "status"
# Of the rows that this version of the app writes, in every table.
SCHEMA_VERSION = 1

_PARTITION, _OWNER = "deployments", "owner"
# Of one error and of all: a column takes 32,768 characters. Source: the page above.
_MAX_ERROR, _MAX_ANSWERS = 1000, 30_000


class StatusTable:
    """The rows of all deployments.

    Every method raises Unavailable if the table does not answer, and Conflict if a row changed since it was read.
    """

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE)

    def load(self) -> StatusState:
        """Return all rows.

        Raises:
            Misconfigured: names a row that cannot be read.
            NewerRows: another version of the app has written here.
        """
        rows = self._table.query_partition(_PARTITION)
        _check_version(rows)
        owner = next((decode_row(TABLE, _owner, row) for row in rows if row["RowKey"] == _OWNER), None)
        deployments = [decode_row(TABLE, _deployment, row) for row in rows if row["RowKey"] != _OWNER]
        return StatusState(deployments=tuple(deployments), owner=owner)

    def save[Row: (DeploymentStatus, Owner)](self, row: Row) -> Row:
        """Return ``row`` as saved, with its ETag."""
        return replace(row, etag=self._table.save(to_entity(row), row.etag))

    def delete(self, row: DeploymentStatus) -> None:
        """Delete a row if it exists."""
        self._table.delete(_PARTITION, row.deployment_id, row.etag)


def _check_version(rows: Iterable[Entity]) -> None:
    """Refuse rows of a later version, before any of their columns is read."""
    versions = [decode_row(TABLE, optional_column, row, "schemaVersion", int) or SCHEMA_VERSION for row in rows]
    newest = max(versions, default=SCHEMA_VERSION)
    if newest > SCHEMA_VERSION:
        raise NewerRows(
            f"a newer version of the app has written the tables (schema {newest}, this one reads {SCHEMA_VERSION}): "
            "deploy that version again, or give this one a storage account of its own"
        )


def to_entity(row: DeploymentStatus | Owner) -> dict[str, Any]:
    """Return the row as an entity, without columns for None."""
    columns = _deployment_columns(row) if isinstance(row, DeploymentStatus) else _owner_columns(row)
    columns |= {"PartitionKey": _PARTITION, "schemaVersion": SCHEMA_VERSION, "lastRunDateTime": row.last_run_at}
    return {name: value for name, value in columns.items() if value is not None}


def _owner_columns(row: Owner) -> dict[str, Any]:
    return {"RowKey": _OWNER, "deploymentId": row.deployment_id}


def _deployment_columns(row: DeploymentStatus) -> dict[str, Any]:
    facts = row.facts
    return {
        "RowKey": row.deployment_id,
        "notificationUrl": facts.notification_url,
        "clientId": facts.client_id,
        "tenantIds": ",".join(facts.tenant_ids),
        "clientStateKeyIds": ",".join(facts.key_ids),
        "version": facts.version,
        "subscriptionsHash": facts.file_hash,
        "clientStateKeysSeen": _times_text(row.keys_seen),
        "runStarts": ",".join(start.isoformat() for start in row.starts),
        "departedTenants": _times_text(row.departed),
        "wantedNoneVersion": row.wanted_none.version if row.wanted_none else None,
        "wantedNoneSubscriptionsHash": row.wanted_none.file_hash if row.wanted_none else None,
        "renewRequestedDateTime": row.renew_requested_at,
        "recordsSinceDateTime": row.records.since if row.records else None,
        "recordsLayout": row.records.layout if row.records else None,
        "auditDateTime": row.audit.at if row.audit else None,
        "audit": row.audit.figures if row.audit else None,
        "heardHours": json.dumps({hour.isoformat(): runs for hour, runs in row.heard.items()}) if row.heard else None,
        **_answer_columns(row.answers),
    }


def _answer_columns(answers: Answers | None) -> dict[str, Any]:
    if answers is None:
        return {}
    permissions = {tenant_id: sorted(names) for tenant_id, names in answers.permissions.items()}
    return {
        "answersDateTime": answers.at,
        "answers": json.dumps(_within_column(answers.by_system), ensure_ascii=False),
        "permissions": json.dumps(permissions),
        "encryptionCertificateId": answers.certificate_version,
        "encryptionCertificateEndDateTime": answers.certificate_ends_at,
    }


def _within_column(by_system: Mapping[str, str]) -> Mapping[str, str]:
    """Return what fits into a column, errors first: with hundreds of tenants that all answer, some are left out."""
    kept: dict[str, str] = {}
    left = _MAX_ANSWERS
    for system, said in sorted(by_system.items(), key=lambda item: item[1] == OK):
        text = said[:_MAX_ERROR]
        left -= len(json.dumps({system: text}, ensure_ascii=False))
        if left < 0:
            break
        kept[system] = text
    return kept


def _times_text(times: Mapping[str, datetime]) -> str:
    return json.dumps({name: at.isoformat() for name, at in times.items()})


def _owner(entity: Any) -> Owner:
    return Owner(
        deployment_id=column(entity, "deploymentId", str),
        last_run_at=column(entity, "lastRunDateTime", datetime),
        written_at=column(entity.metadata, "timestamp", datetime),
        etag=entity.metadata["etag"],
    )


def _deployment(entity: Any) -> DeploymentStatus:
    return DeploymentStatus(
        deployment_id=entity["RowKey"],
        facts=_facts(entity),
        last_run_at=column(entity, "lastRunDateTime", datetime),
        keys_seen=_times(entity, "clientStateKeysSeen"),
        starts=tuple([utc_time(text) for text in _list(entity, "runStarts")]),
        answers=_answers(entity),
        departed=_times(entity, "departedTenants"),
        wanted_none=_wanted_none(entity),
        renew_requested_at=optional_column(entity, "renewRequestedDateTime", datetime),
        records=_records(entity),
        audit=_last_audit(entity),
        heard=_heard(entity),
        etag=entity.metadata["etag"],
    )


def _facts(entity: Entity) -> DeploymentFacts:
    return DeploymentFacts(
        notification_url=column(entity, "notificationUrl", str),
        client_id=column(entity, "clientId", str),
        tenant_ids=_list(entity, "tenantIds"),
        key_ids=_list(entity, "clientStateKeyIds"),
        version=column(entity, "version", str),
        file_hash=column(entity, "subscriptionsHash", str),
    )


def _wanted_none(entity: Entity) -> WantedNone | None:
    if "wantedNoneVersion" not in entity:
        return None
    return WantedNone(
        version=column(entity, "wantedNoneVersion", str),
        file_hash=column(entity, "wantedNoneSubscriptionsHash", str),
    )


def _records(entity: Entity) -> Records | None:
    if "recordsSinceDateTime" not in entity:
        return None
    return Records(since=column(entity, "recordsSinceDateTime", datetime), layout=column(entity, "recordsLayout", int))


def _last_audit(entity: Entity) -> LastAudit | None:
    if "auditDateTime" not in entity:
        return None
    return LastAudit(at=column(entity, "auditDateTime", datetime), figures=column(entity, "audit", str))


def _heard(entity: Entity) -> HeardHours:
    hours = json.loads(optional_column(entity, "heardHours", str) or "{}")
    return {utc_time(hour): (int(runs), int(heard)) for hour, (runs, heard) in dict(hours).items()}


def _answers(entity: Entity) -> Answers | None:
    if "answersDateTime" not in entity:
        return None
    by_system, permissions = (json.loads(column(entity, name, str)) for name in ("answers", "permissions"))
    return Answers(
        at=column(entity, "answersDateTime", datetime),
        by_system={str(system): str(said) for system, said in dict(by_system).items()},
        permissions={str(tenant_id): tuple(map(str, names)) for tenant_id, names in dict(permissions).items()},
        certificate_version=optional_column(entity, "encryptionCertificateId", str),
        certificate_ends_at=optional_column(entity, "encryptionCertificateEndDateTime", datetime),
    )


def _list(entity: Entity, name: str) -> tuple[str, ...]:
    return tuple([part for part in column(entity, name, str).split(",") if part])


def _times(entity: Entity, name: str) -> Mapping[str, datetime]:
    return {str(key): utc_time(text) for key, text in dict(json.loads(column(entity, name, str))).items()}
