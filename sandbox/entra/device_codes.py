"""Device codes: asked for by a client, approved or declined by a user elsewhere, redeemed by the client that polls.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-device-code
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.entra.directory import Account
from sandbox.entra.refused import Refused
from sandbox.entra.scopes import Scopes

LIFETIME = timedelta(minutes=15)
INTERVAL = timedelta(seconds=5)
# How much longer a client that asks too often has to wait each time.
# Source: https://www.rfc-editor.org/rfc/rfc8628#section-3.5
_SLOWER = timedelta(seconds=5)
# No letters and digits that look alike.
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_USER_CODE_LENGTH = 9


def _user_code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_USER_CODE_LENGTH))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """One sign-in under way: who asked for what, and the user's answer so far."""

    client_id: str
    scopes: Scopes
    expires_at: datetime
    value: str = field(default_factory=lambda: secrets.token_urlsafe(96), repr=False)
    user_code: str = field(default_factory=_user_code)
    interval: timedelta = INTERVAL
    polled_at: datetime | None = None
    account: Account | None = None
    declined: bool = False


class DeviceCodes:
    """The sign-ins that are under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._codes: dict[str, DeviceCode] = {}

    def issue(self, client_id: str, scopes: Scopes) -> DeviceCode:
        """Return a fresh code, which a user has 15 minutes to approve."""
        code = DeviceCode(client_id=client_id, scopes=scopes, expires_at=self._clock.now() + LIFETIME)
        self._codes[code.value] = code
        return code

    def approve(self, user_code: str, account: Account) -> None:
        """Sign a user in, by the code that a device shows.

        Raises:
            KeyError: no sign-in with that code is waiting.
        """
        self._store(replace(self._waiting(user_code), account=account))

    def decline(self, user_code: str) -> None:
        """Refuse a sign-in.

        Raises:
            KeyError: no sign-in with that code is waiting.
        """
        self._store(replace(self._waiting(user_code), declined=True))

    def poll(self, value: str, client_id: str) -> tuple[DeviceCode, Account]:
        """Return a code and the user who approved it.

        Raises:
            Refused: authorization_pending, slow_down, authorization_declined, expired_token, bad_verification_code.
        """
        code = self._codes.get(value)
        if code is None or code.client_id != client_id:
            raise Refused(error="bad_verification_code", code=70018, description="Invalid verification code.")
        if code.expires_at <= self._clock.now():
            described = "The provided value for the input parameter 'device_code' is not valid. It has expired."
            raise Refused(error="expired_token", code=70020, description=described)
        if code.declined:
            raise Refused(error="authorization_declined", code=65004, description="The user declined to sign in.")
        if code.account is None:
            raise self._pending(code)
        return code, code.account

    def redeem(self, code: DeviceCode) -> None:
        """Forget a code: it is good for one set of tokens."""
        self._codes.pop(code.value, None)

    def _pending(self, code: DeviceCode) -> Refused:
        now = self._clock.now()
        hasty = code.polled_at is not None and now < code.polled_at + code.interval
        self._store(replace(code, polled_at=now, interval=code.interval + (_SLOWER if hasty else timedelta())))
        # Microsoft documents no code of its own for slow_down.
        described = "The provided request has not yet been authorized by the user. The user must input their code."
        return Refused(error="slow_down" if hasty else "authorization_pending", code=70016, description=described)

    def _waiting(self, user_code: str) -> DeviceCode:
        for code in self._codes.values():
            is_open = code.account is None and not code.declined and code.expires_at > self._clock.now()
            if is_open and code.user_code == user_code.strip().upper():
                return code
        raise KeyError(user_code)

    def _store(self, code: DeviceCode) -> None:
        self._codes[code.value] = code
