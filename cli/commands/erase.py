"""``python -m cli erase``: deletes what the storage account has of one person in clear text.

Source: https://learn.microsoft.com/compliance/regulatory/gdpr-dsr-office365
"""

from collections.abc import Mapping
from typing import Annotated, Protocol

import typer

from cli.deployments import reading_clients, writing_clients
from cli.erasure import Found, KnownItems, LargeData, StoredItems, Tick
from cli.options import AsJson, Yes
from cli.output import bar, console, print_json, print_line, print_warnings
from cli.questions import guid
from cli.setup_documents import ErasureDocument
from shared.app.clients import Clients
from shared.events.claim_check import DATA_CONTAINER
from shared.gaps.snapshot_table import TABLE as KNOWN
from shared.receiving.post_store import PARKED, QUARANTINE
from shared.table import Table

_User = Annotated[str, typer.Argument(help="The object id of their account in Entra ID.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what is there.")]


_ENCRYPTED = (
    "{} stored POSTs have encrypted content, which may be of the person without a path that says so: parked ones end "
    "within 7 days, those in quarantine within 30; parked purge and quarantine purge delete them at once"
)
_COMES_BACK = "who is still a member comes back into the table known: take them out of Teams first"
_NOT_LOOKED_AT = "not looked at: events in the queue or hub, and what consumers have made of them"


class _Place(Protocol):
    def find(self, user_id: str, tick: Tick) -> Found: ...

    def delete(self, found: Found) -> None: ...


def erase(user: _User, *, dry_run: _DryRun = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete what names a person in event-data, the table known, parked and quarantine; show it, and ask first.

    What a stored POST says is encrypted: it is found by its path only. Events in the queue are the consumers'.
    Deleting needs the roles Storage Blob Data Contributor and Storage Table Data Contributor.
    """
    if as_json and not (dry_run or yes):
        raise typer.BadParameter("nobody can be asked: add --dry-run or --yes", param_hint="--json")
    user_id = guid(user)
    places = _places(reading_clients() if dry_run else writing_clients())
    found = _found(places, user_id)
    count = sum(len(each.things) for each in found.values())
    if not as_json:
        _show(found)
    if count and not dry_run:
        if not yes:
            typer.confirm("All of it will be deleted, with what those POSTs say of others. Go on?", abort=True)
        for name, place in places.items():
            place.delete(found[name])
        if not as_json:
            print_line(console(), f"{count} deleted")
    if as_json:
        print_json(_document(user_id, found, deleted=not dry_run))


def _places(clients: Clients) -> Mapping[str, _Place]:
    return {
        DATA_CONTAINER: LargeData(clients.blobs()),
        KNOWN: KnownItems(Table(clients.tables(), KNOWN)),
        PARKED: StoredItems(clients.post_store(PARKED)),
        QUARANTINE: StoredItems(clients.post_store(QUARANTINE)),
    }


def _found(places: Mapping[str, _Place], user_id: str) -> Mapping[str, Found]:
    with bar("Looking") as progress:
        return {name: place.find(user_id, lambda: progress(1, 1)) for name, place in places.items()}


def _show(found: Mapping[str, Found]) -> None:
    out = console()
    for name, each in found.items():
        print_line(out, f"{name}: {len(each.things)} of {each.looked_at} name the person")
    unreadable = sum(each.unreadable for each in found.values())
    notes = [_ENCRYPTED.format(unreadable)] if unreadable else []
    notes += [_COMES_BACK] if found[KNOWN].things else []
    print_warnings(out, [*notes, _NOT_LOOKED_AT])


def _document(user_id: str, found: Mapping[str, Found], *, deleted: bool) -> ErasureDocument:
    return {
        "userId": user_id,
        "deleted": deleted,
        "places": {
            name: {"found": len(each.things), "lookedAt": each.looked_at, "encrypted": each.unreadable}
            for name, each in found.items()
        },
    }
