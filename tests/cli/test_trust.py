"""Certificates that clients are told to trust, and that have gone."""

from pathlib import Path

import pytest

from cli.environment import check_trust
from shared.errors import Misconfigured


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificates_that_are_not_there_are_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} is .*, which does not exist"):
        check_trust({name: str(tmp_path / "ca.pem")})


def test_certificates_that_are_there_or_not_asked_for_are_fine(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    check_trust({"SSL_CERT_FILE": str(tmp_path / "ca.pem"), "REQUESTS_CA_BUNDLE": ""})
