"""``python -m cli certificate`` beside a running app, with the sandbox's Key Vault."""

from datetime import timedelta

import pytest

from cli.setup_documents import CertificateDocument
from sandbox.keyvault.certificates import KeyPolicy
from sandbox.serving import Fault
from tests.cli.operator import CHATS, Operator, matches
from tests.fakes.identity_services import CERTIFICATE_NAME

pytestmark = pytest.mark.slow


def _shown(operator: Operator) -> CertificateDocument:
    return matches(CertificateDocument, operator.run("certificate", "show", "--json").stdout)


def test_certificate_that_is_made_is_one_that_the_app_can_use(operator: Operator) -> None:
    operator.world.vault.operations.looks = 1
    ran = operator.run("certificate", "create", "--name", "fresh")
    assert (ran.exit_code, ran.stderr) == (0, "")
    words = "RSA of 2048 bits, exportable, renewed at 80 % of its validity, with a new key"
    assert f"now: {words}, until 20" in ran.stdout
    assert "\nThe app needs the settings KEY_VAULT_URL=https://127.0.0.1:" in ran.stdout
    assert (
        "ENCRYPTION_CERTIFICATE_NAME=fresh, and its identity the role Key Vault Secrets User on the vault" in ran.stdout
    )
    operator.world.app.environ["ENCRYPTION_CERTIFICATE_NAME"] = "fresh"
    operator.watch(CHATS)
    shown = _shown(operator)
    assert (shown["policy"], shown["problems"]) == (words, [])
    assert [version["subscriptions"] for version in shown["versions"]] == [1]


def test_certificate_that_exists_is_not_made_again(operator: Operator) -> None:
    ran = operator.run("certificate", "create")
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr.endswith(f"has a certificate {CERTIFICATE_NAME}: certificate rotate makes a new version of it\n")
    assert len(_shown(operator)["versions"]) == 1


def test_rotation_makes_a_new_key_that_the_next_run_takes(operator: Operator) -> None:
    world = operator.world
    operator.watch(CHATS)
    # An hour lies between the two, by which the list is ordered.
    world.later(hours=1)
    [before] = _shown(operator)["versions"]
    world.vault.certificates.key_policy = KeyPolicy(reuse_key=True)
    ran = operator.run("certificate", "rotate")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert f"Until then Graph encrypts to version {before['version']}, " in ran.stdout
    assert "Keep that version enabled until 20" in ran.stdout
    keys = [world.vault.certificate(CERTIFICATE_NAME, version).public_key() for version in (before["version"], None)]
    assert keys[0] != keys[1]
    assert [version["subscriptions"] for version in _shown(operator)["versions"]] == [0, 1]
    world.run()
    shown = _shown(operator)
    assert ([version["subscriptions"] for version in shown["versions"]], shown["problems"]) == ([1, 0], [])


def test_certificate_that_is_not_there_cannot_be_rotated(operator: Operator) -> None:
    ran = operator.run("certificate", "rotate", "--name", "none")
    assert (ran.exit_code, ran.stderr.endswith("has no certificate none: certificate create makes it\n")) == (3, True)


def test_show_says_what_is_wrong_and_exits_1(operator: Operator) -> None:
    operator.world.vault.create_certificate(CERTIFICATE_NAME, lifetime=timedelta(days=10))
    ran = operator.run("certificate", "show")
    assert ran.exit_code == 1
    assert ran.stdout.startswith(f"{CERTIFICATE_NAME}: RSA of 2048 bits, exportable")
    assert [line.split()[3:] for line in ran.stdout.splitlines()[2:4]] == [["enabled", "0"], ["enabled", "0"]]
    assert f"! {CERTIFICATE_NAME} ends on 20" in ran.stdout


def test_reader_of_certificates_makes_none_and_is_told_the_role(operator: Operator) -> None:
    operator.world.vault.certificates.writers = set()
    ran = operator.run("certificate", "rotate")
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert "grant it the role Key Vault Certificates Officer on 127.0.0.1" in ran.stderr
    assert len(_shown(operator)["versions"]) == 1


def test_second_rotation_waits_for_the_first(operator: Operator) -> None:
    world = operator.world
    world.vault.operations.begin(CERTIFICATE_NAME, {"issuer": {"name": "Unknown"}})
    ran = operator.run("certificate", "rotate")
    assert (ran.exit_code, ran.stderr.startswith(f"another version of {CERTIFICATE_NAME} is being made")) == (4, True)


def test_name_that_the_vault_refuses_exits_3_with_its_reason(operator: Operator) -> None:
    ran = operator.run("certificate", "create", "--name", "a_b")
    assert ran.exit_code == 3
    assert ran.stderr.startswith("the vault refuses a_b or its policy: The request URI contains an invalid name")


def test_vault_that_is_down_exits_4(operator: Operator) -> None:
    with operator.world.fault(operator.world.vault_service, Fault(status=503)):
        ran = operator.run("certificate", "rotate")
    assert (ran.exit_code, ran.stderr) == (4, "Key Vault does not answer as it should: 503\n")


@pytest.mark.parametrize("vault", ["http://vault.example", "https://<vault>.vault.azure.net", "vault"])
def test_vault_is_named_by_its_https_url(operator: Operator, vault: str) -> None:
    ran = operator.run("certificate", "create", "--vault", vault)
    assert (ran.exit_code, ran.stderr.startswith("KEY_VAULT_URL is not the vault's https URL")) == (3, True)


def test_app_without_resource_data_has_no_certificate_to_show(operator: Operator) -> None:
    del operator.world.app.environ["ENCRYPTION_CERTIFICATE_NAME"]
    ran = operator.run("certificate", "show")
    assert (ran.exit_code, ran.stderr.startswith("ENCRYPTION_CERTIFICATE_NAME is not set")) == (3, True)
