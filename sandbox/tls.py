"""TLS on loopback: a throw-away certificate authority and a server certificate that real clients verify."""

import ssl
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Tls:
    """A certificate authority that lives as long as its folder, and a certificate for 127.0.0.1 and localhost.

    The authority's private key is never written down: a client that trusts ``ca_file`` trusts these servers only.
    """

    def __init__(self, folder: Path, *, names: Collection[str] = ()) -> None:
        """Make both in ``folder``; ``names`` are those of more hosts that the certificate is for."""
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        self.certificate_file = folder / "server.pem"
        self.key_file = folder / "server.key"
        self._outdated_file = folder / "outdated.pem"
        self._write(names)
        self.client_context = ssl.create_default_context(cafile=self.ca_file)

    def context(self) -> ssl.SSLContext:
        """Return a context for one more server, with the certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.renew(context)
        return context

    def renew(self, context: ssl.SSLContext) -> None:
        """Have a server show the certificate on the connections to come."""
        context.load_cert_chain(self.certificate_file, self.key_file)

    def let_expire(self, context: ssl.SSLContext) -> None:
        """Have a server show a certificate that was good until yesterday, on the connections to come."""
        context.load_cert_chain(self._outdated_file)

    def environment(self) -> dict[str, str]:
        """Return the variables that make a child process's clients trust this authority, and no other.

        OpenSSL (urllib, aiohttp, PyJWT) reads ``SSL_CERT_FILE``; requests (MSAL, azure-core) ``REQUESTS_CA_BUNDLE``.
        """
        return {"SSL_CERT_FILE": str(self.ca_file), "REQUESTS_CA_BUNDLE": str(self.ca_file)}

    def _write(self, names: Collection[str]) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1", "localhost", *names)
        authority.cert_pem.write_to_path(self.ca_file)
        self.certificate_file.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        self.key_file.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(self.key_file)
        yesterday = datetime.now(UTC) - timedelta(days=1)
        outdated = authority.issue_cert("127.0.0.1", "localhost", *names, not_after=yesterday)
        self._outdated_file.touch(mode=0o600)
        outdated.private_key_and_cert_chain_pem.write_to_path(self._outdated_file)
