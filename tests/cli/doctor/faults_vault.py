"""Faults of the vault, and of the certificate in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sandbox.keyvault.certificates import KeyPolicy
from tests.cli.doctor.faults import Row, Switch
from tests.cli.doctor.faults_outside import settings
from tests.cli.doctor.patients import run_timer
from tests.cli.operator import Operator
from tests.fakes.identity_services import CERTIFICATE_NAME


def _certificates(**changes: Any) -> Switch:
    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        vault = operator.world.vault.certificates
        before = {name: getattr(vault, name) for name in changes}
        for name, value in changes.items():
            setattr(vault, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(vault, name, value)

    return switched


def _new_certificate(then: Callable[[Operator, str], None] = lambda _operator, _version: None, **how: Any) -> Switch:
    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        vault = operator.world.vault
        version = vault.create_certificate(CERTIFICATE_NAME, **how)
        then(operator, version)
        try:
            yield
        finally:
            vault.remove(CERTIFICATE_NAME, version)

    return switched


@contextmanager
def _version_in_use(operator: Operator, *, lost: bool) -> Iterator[None]:
    """Rotate the certificate without a run, and take the version away that subscriptions are encrypted to."""
    world = operator.world
    [in_use] = {row.applied.certificate_id for row in world.rows() if row.applied and row.applied.certificate_id}
    world.vault.create_certificate(CERTIFICATE_NAME)
    if lost:
        world.vault.remove(CERTIFICATE_NAME, in_use)
    else:
        world.vault.disable(CERTIFICATE_NAME, in_use)
    try:
        yield
    finally:
        world.run(force=True)
        run_timer(operator)


VAULT = (
    Row(
        name="login may not read certificates",
        fault=_certificates(readers=set()),
        lines={"certificate": "mend"},
        says=(
            "Key Vault refuses your login",
            "-> az role assignment create --assignee-object-id ",
            '--role "Key Vault Reader" --scope $(az keyvault show --name 127 --query id --output tsv)',
        ),
    ),
    Row(
        name="certificate is missing",
        fault=settings(ENCRYPTION_CERTIFICATE_NAME="elsewhere"),
        lines={"certificate": "mend"},
        says=("no certificate elsewhere: correct ENCRYPTION_CERTIFICATE_NAME", "certificate create --name elsewhere"),
    ),
    Row(
        name="key is not exportable",
        fault=_certificates(key_policy=KeyPolicy(exportable=False)),
        lines={"certificate": "mend"},
        says=("is not exportable", "-> python -m cli certificate rotate"),
    ),
    Row(
        name="key is not RSA",
        fault=_certificates(key_policy=KeyPolicy(kty="EC")),
        lines={"certificate": "mend"},
        says=("is EC of 2048 bits: Graph takes RSA of 2048 to 4096",),
    ),
    Row(
        name="key is kept at renewal",
        fault=_certificates(key_policy=KeyPolicy(reuse_key=True)),
        lines={"key-policy": "watch"},
        says=("keeps its key when it is renewed", "-> python -m cli certificate rotate"),
    ),
    Row(
        name="certificate ends soon",
        fault=_new_certificate(lifetime=timedelta(days=10)),
        lines={"certificate": "watch"},
        says=("graph-notifications ends on 20", "-> python -m cli certificate rotate"),
    ),
    Row(
        name="certificate has ended",
        fault=_new_certificate(lifetime=timedelta(days=-1)),
        lines={"certificate": "mend"},
        says=("graph-notifications ended on 20",),
    ),
    Row(
        name="newest version is disabled",
        fault=_new_certificate(lambda operator, version: operator.world.vault.disable(CERTIFICATE_NAME, version)),
        lines={"certificate": "mend"},
        says=("is disabled", "-> az keyvault certificate set-attributes --vault-name 127 --name graph-notifications"),
    ),
    Row(
        name="version in use is disabled",
        fault=lambda operator: _version_in_use(operator, lost=False),
        lines={"versions": "mend"},
        says=("is in use at Graph and disabled", "--enabled true"),
    ),
    Row(
        name="version in use is gone",
        fault=lambda operator: _version_in_use(operator, lost=True),
        lines={"versions": "mend"},
        says=("is in use at Graph and gone from the vault", "-> az keyvault certificate recover --vault-name"),
    ),
)
