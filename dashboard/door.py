"""Who may see the page's data: browsers that know the token, on this machine, on a page of this server.

A website that the same browser shows can send requests to 127.0.0.1: by a name of its own that it lets point there (so
the Host is checked), or across origins (so the Origin is checked, and the cookie is SameSite=Strict). Cookies do not
tell ports apart: the name of this one has the port.

Sources: https://owasp.org/www-project-web-security-testing-guide/ (session management),
https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP and https://www.rfc-editor.org/rfc/rfc6265#section-8.5
"""

import secrets
from collections.abc import Mapping

from aiohttp import web

_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Scripts and styles of the page itself, its icon, and calls of its own server; no text ever becomes markup.
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def headers(nonce: str) -> Mapping[str, str]:
    """Return the headers of every answer; ``nonce`` is that of the page's script and style, used once."""
    return {**_HEADERS, "Content-Security-Policy": _POLICY.format(nonce=nonce)}


class Door:
    """The token in the link, and the cookie that a browser gets for it."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self._session = secrets.token_urlsafe(32)
        self._host = ""
        self._cookie = ""

    def listen(self, port: int) -> None:
        """Say which port of 127.0.0.1 is this server's."""
        self._host = f"127.0.0.1:{port}"
        self._cookie = f"live-page-{port}"

    def check_address(self, request: web.Request) -> None:
        """Check that a request is meant for this server, and does not come from the page of another one.

        Raises:
            web.HTTPForbidden: it is not, or it does.
        """
        if request.headers.get("Host") != self._host:
            raise web.HTTPForbidden(text="Host: open the link as the terminal printed it")
        origin = request.headers.get("Origin")
        # A browser leaves the Origin out when a page reads from its own server.
        if origin is None and request.method not in {"GET", "HEAD"}:
            raise web.HTTPForbidden(text="Origin: missing")
        if origin is not None and origin != f"http://{self._host}":
            raise web.HTTPForbidden(text="Origin: another page's")

    def check_session(self, request: web.Request) -> None:
        """Check that the browser was let in.

        Raises:
            web.HTTPUnauthorized: it has no cookie, or that of another session.
        """
        if not _equal(request.cookies.get(self._cookie, ""), self._session):
            raise web.HTTPUnauthorized(text="cookie: open the link that the terminal printed")

    def let_in(self, token: str, response: web.StreamResponse) -> None:
        """Give the browser its cookie for the token.

        Raises:
            web.HTTPUnauthorized: it is another one.
        """
        if not _equal(token, self.token):
            raise web.HTTPUnauthorized(text="token: open the link that the terminal printed")
        response.set_cookie(self._cookie, self._session, path="/", httponly=True, samesite="Strict")


def _equal(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode(errors="surrogatepass"), expected.encode())
