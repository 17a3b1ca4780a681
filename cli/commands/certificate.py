"""``python -m cli certificate``: the certificate that Graph encrypts to, in the vault.

Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data
"""

import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

from cli.certificate_policy import described, new_policy, next_policy
from cli.doctor.case import Case
from cli.doctor.finding import Level
from cli.doctor.vault import certificate as examine_newest
from cli.doctor.vault import key_policy as examine_policy
from cli.doctor.vault import versions as examine_versions
from cli.exit_codes import Status
from cli.options import AsJson
from cli.output import busy, console, iso, print_json, print_line, print_rows, print_warnings
from cli.setup_documents import CertificateDocument
from cli.vault_certificates import VaultCertificates
from shared.errors import Misconfigured, NotFound

commands = typer.Typer(no_args_is_help=True, help="Make, rotate and show the certificate that Graph encrypts to.")

COLUMNS = ("version", "made", "ends", "state", "subscriptions")
_DEFAULT_NAME = "graph-notifications"
# What Graph has encrypted to a version lives as long as a subscription, and is sent again for four hours.
_KEEP = timedelta(days=3, hours=4)

_Vault = Annotated[str, typer.Option("--vault", help="The vault's URL.", show_default="KEY_VAULT_URL")]
_DEFAULT = f"ENCRYPTION_CERTIFICATE_NAME, else {_DEFAULT_NAME}"
_Name = Annotated[str, typer.Option("--name", help="Its name there.", show_default=_DEFAULT)]


@commands.command()
def create(*, vault: _Vault = "", name: _Name = "") -> None:
    """Make the first version, self-signed, with an exportable key and a new one at each renewal.

    Needs the role Key Vault Certificates Officer. Refuses if the certificate exists: see `certificate rotate`.
    """
    url, name = _vault(vault), _name(name)
    with _client(url) as client, busy("The vault makes a key"):
        certificates = VaultCertificates(client)
        if _newest(certificates, name) is not None:
            raise Misconfigured(f"{url} has a certificate {name}: certificate rotate makes a new version of it")
        made = certificates.create(name, new_policy(name))
    _tell(name, made)
    print_line(
        console(),
        f"The app needs the settings KEY_VAULT_URL={url} and ENCRYPTION_CERTIFICATE_NAME={name}, and its identity the "
        "role Key Vault Secrets User on the vault, which hands out the key as a secret.",
    )


@commands.command()
def rotate(*, vault: _Vault = "", name: _Name = "") -> None:
    """Make a new version with a new key; keep issuer, subject and validity. Old versions stay as they are.

    Needs the role Key Vault Certificates Officer. The next run of the timer gives the version to all subscriptions.
    """
    url, name = _vault(vault), _name(name)
    with _client(url) as client, busy("The vault makes a key"):
        certificates = VaultCertificates(client)
        before = _newest(certificates, name)
        if before is None:
            raise Misconfigured(f"{url} has no certificate {name}: certificate create makes it")
        made = certificates.create(name, next_policy(before["policy"]))
    _tell(name, made)
    until = iso(datetime.now(UTC) + _KEEP)
    print_line(
        console(),
        "The next run of RenewSubscriptions gives it to every subscription with resource data. Until then Graph "
        f"encrypts to version {_version(before)}, and what it cannot deliver comes for four hours more. Keep that "
        f"version enabled until {until}, and until `certificate show` counts no subscription on it, and `parked list` "
        "and `quarantine list` have nothing to retry: nobody can read what was encrypted to a version that is gone.",
    )


@commands.command()
def show(*, as_json: AsJson = False) -> None:
    """Show every version, how many subscriptions are encrypted to it, and what is wrong with it.

    Needs the role Key Vault Reader. Exit status 1 if anything is wrong.
    """
    case = Case(environ=os.environ)
    name = case.settings.encryption_certificate_name
    if name is None:
        raise Misconfigured("ENCRYPTION_CERTIFICATE_NAME is not set: the app asks for basic notifications only")
    with busy("Reading the vault"):
        newest, versions = case.certificate(name), case.certificates.versions(name)
        used = Counter(row.applied.certificate_id for row in case.rows() if row.applied and row.applied.certificate_id)
        findings = [examine(case) for examine in (examine_newest, examine_policy, examine_versions)]
    wrong = [found.text for found in findings if found.level > Level.OK]
    rows = [_row(each, used) for each in versions]
    if as_json:
        print_json(_document(name, newest["policy"], rows, wrong))
    else:
        print_line(console(), f"{name}: {described(newest['policy'])}", "bold")
        print_rows(console(), COLUMNS, [(*row[:-1], str(row[-1])) for row in rows])
        print_warnings(console(), wrong)
    if wrong:
        raise typer.Exit(Status.FOUND)


type _Cells = tuple[str, str, str, str, int]


def _row(item: Mapping[str, Any], used: Mapping[str, int]) -> _Cells:
    attributes, version = item["attributes"], _version(item)
    made, ends = (iso(datetime.fromtimestamp(attributes[key], UTC)) for key in ("created", "exp"))
    return version, made, ends, "enabled" if attributes["enabled"] else "disabled", used.get(version, 0)


def _document(name: str, policy: Mapping[str, Any], rows: list[_Cells], wrong: list[str]) -> CertificateDocument:
    versions: list[Any] = [
        {
            "version": version,
            "createdDateTime": made,
            "expirationDateTime": ends,
            "enabled": state == "enabled",
            "subscriptions": count,
        }
        for version, made, ends, state, count in rows
    ]
    return {"name": name, "policy": described(policy), "versions": versions, "problems": wrong}


def _tell(name: str, made: Mapping[str, Any]) -> None:
    ends = datetime.fromtimestamp(made["attributes"]["exp"], UTC)
    print_line(
        console(), f"{name} has version {_version(made)} now: {described(made['policy'])}, until {ends:%Y-%m-%d}."
    )


def _newest(certificates: VaultCertificates, name: str) -> Mapping[str, Any] | None:
    try:
        return certificates.get(name)
    except NotFound:
        return None


def _version(item: Mapping[str, Any]) -> str:
    return str(item["id"]).rpartition("/")[2]


def _name(name: str) -> str:
    return name or os.environ.get("ENCRYPTION_CERTIFICATE_NAME") or _DEFAULT_NAME


def _vault(given: str) -> str:
    url = given or os.environ.get("KEY_VAULT_URL", "")
    if not url.startswith("https://") or "<" in url:
        raise Misconfigured("KEY_VAULT_URL is not the vault's https URL: set it, or use --vault")
    return url.rstrip("/")


def _client(url: str) -> SecretClient:
    return SecretClient(url, DefaultAzureCredential(connection_timeout=1, read_timeout=2))
