"""Azure Functions Core Tools, the real host, in place of ours where ``func`` is installed.

Source: https://learn.microsoft.com/azure/azure-functions/functions-core-tools-reference#func-start
"""

import asyncio
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificates

from sandbox.child import Child
from sandbox.host.process import Port
from sandbox.tls import Tls

_PATIENCE = timedelta(seconds=120)
_STOP_PATIENCE = timedelta(seconds=35)
_POLL = timedelta(milliseconds=250)


class CoreToolsMissing(RuntimeError):
    """``func`` is not on the PATH; the message says where to get it."""


class CoreTools:
    """``func start`` for one app, with the interface of ``FunctionsHost``.

    The environment wins over the app's local.settings.json, which need not exist. Other than our host, Core Tools
    listens on all addresses, takes its port only as it starts, and outlives this process when that is killed.
    """

    def __init__(
        self,
        app_root: Path,
        environment: Mapping[str, str],
        tls: Tls | None,
        *,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self._app_root = app_root
        self.environment = dict(environment)
        """What the next start gives to the app; ``url`` may be part of it."""
        self._tls = tls
        self._child = Child("Core Tools", on_line=on_line)
        self._port = Port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._port.number}"
        """Such as ``https://127.0.0.1:7071``, without a closing slash."""
        self.lines = self._child.lines
        """What the host has written, over all its starts."""

    async def start(self) -> None:
        """Return once the host says that it runs.

        Raises:
            CoreToolsMissing: ``func`` is not on the PATH.
            ChildFailed: it ended, or did not run in time; its last lines are in the message.
        """
        func = shutil.which("func")
        if func is None:
            raise CoreToolsMissing(
                "`func` is not on the PATH: https://learn.microsoft.com/azure/azure-functions/functions-run-local"
            )
        self._port.taken().close()
        options = certificate_options(self._tls) if self._tls else []
        command = [func, "start", "--port", str(self._port.number), *options]
        await self._child.start(command, environment={**_defaults(), **self.environment}, folder=self._app_root)
        try:
            await self._until_running()
        except BaseException:
            await self._child.kill()
            raise

    async def stop(self) -> int | None:
        """End Core Tools and its worker; return its exit status, None if it was never started."""
        self._port.release()
        return await self._child.stop(within=_STOP_PATIENCE)

    async def kill(self) -> None:
        """End Core Tools and its worker at once, as a crash would."""
        await self._child.kill()

    async def _until_running(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()), aiohttp.ClientSession() as session:
                while not await self._is_running(session):
                    if self._child.pid is None:
                        raise self._child.failure("ended before it was ready")
                    await asyncio.sleep(_POLL.total_seconds())
        except TimeoutError:
            raise self._child.failure(f"was not ready within {_PATIENCE}") from None

    async def _is_running(self, session: aiohttp.ClientSession) -> bool:
        """Source: https://github.com/Azure/azure-functions-host/wiki/Admin-API."""
        context = self._tls.client_context if self._tls else True
        try:
            async with session.get(f"{self.url}/admin/host/status", ssl=context) as response:
                return response.ok and (await response.json(content_type=None)).get("state") == "Running"
        except aiohttp.ClientError:
            return False


def certificate_options(tls: Tls) -> list[str]:
    """Return what makes ``func start`` serve with the certificate of ``tls``, of which it gets a copy in its format."""
    password = secrets.token_hex(16)
    file = tls.key_file.with_suffix(".pfx")
    file.touch(mode=0o600)
    file.write_bytes(_pfx(tls, password))
    return ["--useHttps", "--cert", str(file), "--password", password]


def _pfx(tls: Tls, password: str) -> bytes:
    """Core Tools takes the certificate and its key as PKCS#12, and as nothing else."""
    key = load_pem_private_key(tls.key_file.read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError("a server certificate's key is RSA or EC")
    certificate, *chain = load_pem_x509_certificates(tls.certificate_file.read_bytes())
    return pkcs12.serialize_key_and_certificates(
        b"sandbox", key, certificate, chain, BestAvailableEncryption(password.encode())
    )


def _defaults() -> dict[str, str]:
    """Let Core Tools' worker be this Python, whose packages are the app's."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "FUNCTIONS_WORKER_RUNTIME": "python", "FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT": "1"}
