"""Signing users in: the device authorization endpoint, and the two grants in which an application acts for a user.

Sources: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-device-code,
https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

from sandbox.entra.clients import authenticate
from sandbox.entra.device_codes import LIFETIME, DeviceCodes
from sandbox.entra.directory import SHARED_TENANTS, Account, Application, Directory
from sandbox.entra.forms import required
from sandbox.entra.refused import Refused
from sandbox.entra.scopes import Scopes
from sandbox.entra.sessions import Sessions
from sandbox.entra.tokens import Tokens, UserGrant

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_PAGE = "/common/oauth2/deviceauth"


class UserGrants:
    """What Entra answers when an application asks for tokens of a user. Forms in, JSON out."""

    def __init__(self, directory: Directory, tokens: Tokens, codes: DeviceCodes, sessions: Sessions) -> None:
        self._directory = directory
        self._tokens = tokens
        self._codes = codes
        self._sessions = sessions

    def device_code(self, form: Mapping[str, str], *, tenant: str, origin: str) -> dict[str, Any]:
        """Return a device code for the client and a user code for its user.

        Raises:
            Refused: the application is unknown in the tenant, or the scope makes no sense.
        """
        client_id, scopes = required(form, "client_id"), Scopes.parse(required(form, "scope"))
        if tenant not in SHARED_TENANTS:
            self._directory.application(client_id, self._directory.tenant(tenant))
        code, page = self._codes.issue(client_id, scopes), f"{origin}{DEVICE_PAGE}"
        return {
            "user_code": code.user_code,
            "device_code": code.value,
            "verification_uri": page,
            "expires_in": int(LIFETIME.total_seconds()),
            "interval": int(code.interval.total_seconds()),
            "message": f"To sign in, use a web browser to open the page {page} and enter the code {code.user_code} "
            "to authenticate.",
        }

    def by_device_code(self, form: Mapping[str, str], *, tenant: str, endpoint: str) -> dict[str, Any]:
        """Return the tokens of the user who has approved.

        Raises:
            Refused: not approved (yet), or the application must not sign users in without a credential.
        """
        code, account = self._codes.poll(required(form, "device_code"), required(form, "client_id"))
        grant = self._grant(form, code.scopes, account, tenant=tenant, endpoint=endpoint)
        self._codes.redeem(code)
        self._sessions.signed_in(account)
        return self._answer(form, code.scopes, grant)

    def by_refresh_token(self, form: Mapping[str, str], *, tenant: str, endpoint: str) -> dict[str, Any]:
        """Return fresh tokens of the user who once signed in.

        Raises:
            Refused: the user has to sign in again, or the application must not act without a credential.
        """
        session = self._sessions.find(required(form, "refresh_token"), required(form, "client_id"))
        scopes = Scopes.parse(form["scope"]) if form.get("scope") else session.scopes
        grant = self._grant(form, scopes, session.account, tenant=tenant, endpoint=endpoint)
        return self._answer(form, scopes, grant)

    def _grant(
        self, form: Mapping[str, str], scopes: Scopes, account: Account, *, tenant: str, endpoint: str
    ) -> UserGrant:
        application = self._application(required(form, "client_id"), account, tenant)
        proof = self._proof(form, application, endpoint)
        granted = scopes.granted(application)
        return UserGrant(
            account=account, application=application, resource=scopes.resource, scopes=granted, proof=proof
        )

    def _proof(self, form: Mapping[str, str], application: Application, endpoint: str) -> Literal["0", "1", "2"]:
        if "client_assertion" in form or "client_secret" in form:
            return authenticate(form, application, endpoint=endpoint, tokens=self._tokens)
        if application.public_client:
            return "0"
        described = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        raise Refused(error="invalid_client", code=7000218, description=described, status=401)

    def _application(self, client_id: str, account: Account, tenant: str) -> Application:
        if tenant not in SHARED_TENANTS and self._directory.tenant(tenant) != account.tenant_id:
            described = f"User account '{account.username}' does not exist in tenant '{tenant}'."
            raise Refused(error="invalid_grant", code=50020, description=described)
        return self._directory.application(client_id, account.tenant_id)

    def _answer(self, form: Mapping[str, str], scopes: Scopes, grant: UserGrant) -> dict[str, Any]:
        account, client_id = grant.account, grant.application.client_id
        lifetime = int(self._tokens.lifetime.total_seconds())
        body = {"token_type": "Bearer", "scope": scopes.answered(grant.scopes), "expires_in": lifetime}
        body |= {"ext_expires_in": lifetime, "access_token": self._tokens.delegated_token(grant)}
        if "offline_access" in scopes.of_entra:
            body["refresh_token"] = self._sessions.open(account, client_id, scopes)
        if "openid" in scopes.of_entra:
            body["id_token"] = self._tokens.id_token(account, client_id)
        if form.get("client_info") == "1":
            body["client_info"] = _client_info(account)
        return body


def _client_info(account: Account) -> str:
    about = json.dumps({"uid": account.object_id, "utid": account.tenant_id})
    return base64.urlsafe_b64encode(about.encode()).rstrip(b"=").decode()
