"""The proxy through which ``az`` reaches this cloud: the names of Azure's hosts lead to services on loopback.

So its own configuration of the public cloud, and the addresses in the hooks, are what is tried. No other host is
reached. TLS ends at the services.
"""

import asyncio
import contextlib
import re
from collections.abc import Mapping

from sandbox.ports import stop_accepting

_CONNECT = re.compile(rb"CONNECT ([\w.-]+):443 HTTP/1\.1\r\n")
_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Front:
    """An HTTP proxy on a free port of 127.0.0.1; ``ports``: where the host that ends with a name is served."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self.ports = ports
        self.refused: list[str] = []
        """Hosts that nobody serves here, and that were asked for."""
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            await stop_accepting(self._server)
            self._server.abort_clients()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            found = _CONNECT.match(await reader.readuntil(b"\r\n\r\n"))
            host = found[1].decode() if found else ""
            port = next((port for name, port in self.ports.items() if host.endswith(name)), None)
            if port is None:
                self.refused.append(host)
                writer.write(_REFUSED)
            else:
                target_reader, target_writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(_OPENED)
                await asyncio.gather(_pump(reader, target_writer), _pump(target_reader, writer))
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
