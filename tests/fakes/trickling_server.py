"""A server whose answers trickle: a byte now and then keeps to each time-out of a socket, for ever."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"


@dataclass
class TricklingServer:
    """Answers each request with ``length`` bytes, one in 50 ms: no socket times out."""

    length: int = 400
    context: ssl.SSLContext | None = None
    listening: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    ended: threading.Event = field(default_factory=threading.Event)
    requests: int = 0

    @property
    def url(self) -> str:
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://127.0.0.1:{self.listening.getsockname()[1]}"

    def serve(self) -> None:
        """Serve until the socket is closed."""
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_side=True)
        with closing(connection):
            while connection.recv(65_536):
                self.requests += 1
                connection.sendall(_HEAD.format(length=self.length).encode())
                for _ in range(self.length):
                    if self.ended.wait(0.05):
                        return
                    connection.sendall(b" ")


@contextmanager
def trickling_server(context: ssl.SSLContext | None = None) -> Iterator[TricklingServer]:
    """Run a server, whose answers end with it."""
    server = TricklingServer(context=context)
    threading.Thread(target=server.serve, daemon=True).start()
    yield server
    server.ended.set()
    # Closing alone does not wake a thread that accepts.
    server.listening.shutdown(socket.SHUT_RDWR)
    server.listening.close()
