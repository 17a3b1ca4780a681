"""The page on which a user enters a code, chooses an account, and signs in or does not.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-device-code#authenticating-the-user
"""

import html
from collections.abc import Sequence

from aiohttp import web

from sandbox.entra import forms
from sandbox.entra.device_codes import DeviceCodes
from sandbox.entra.directory import Account, Directory
from sandbox.entra.users import DEVICE_PAGE


class DevicePage:
    """A form for a person at a browser; the sandbox knows no passwords."""

    def __init__(self, directory: Directory, codes: DeviceCodes) -> None:
        self._directory = directory
        self._codes = codes

    def routes(self) -> list[web.RouteDef]:
        """Return the page and where its form goes."""
        return [web.get(DEVICE_PAGE, self.show), web.post(DEVICE_PAGE, self.submit)]

    async def show(self, _request: web.Request) -> web.Response:
        """Answer the form."""
        return _page(_form(self._directory.accounts))

    async def submit(self, request: web.Request) -> web.Response:
        """Sign the chosen user in; without one, decline."""
        form = await forms.read(request)
        chosen = [each for each in self._directory.accounts if each.object_id == form.get("account")]
        try:
            if chosen:
                self._codes.approve(form.get("code", ""), chosen[0])
            else:
                self._codes.decline(form.get("code", ""))
        except KeyError:
            return _page("<p>That code is not the right one, or it has expired.</p>", status=400)
        return _page("<p>You have signed in. You may close this window.</p>" if chosen else "<p>Declined.</p>")


def _form(accounts: Sequence[Account]) -> str:
    choices = "".join(
        f'<option value="{html.escape(account.object_id)}">{html.escape(account.username)}</option>'
        for account in accounts
    )
    return (
        '<form method="post"><label>Code <input name="code" autofocus></label> '
        f'<label>Sign in as <select name="account">{choices}<option value="">decline</option></select></label> '
        "<button>Next</button></form>"
    )


def _page(body: str, *, status: int = 200) -> web.Response:
    text = f"<!doctype html><title>Sign in</title>{body}"
    return web.Response(text=text, content_type="text/html", status=status)
