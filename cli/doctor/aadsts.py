"""A sentence and a remedy for each error code of Entra ID that deployments meet.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import re
from collections.abc import Iterator, Mapping

_CODE = re.compile(r"AADSTS(\d+)")
_RESET = "az ad app credential reset --id {client_id} --years 1"
_CONSENT = "python -m webbrowser {login_url}/{tenant_id}/adminconsent?client_id={client_id}"
_FEDERATED = "az ad app federated-credential list --id {client_id}"
_SIGN_IN = "python -m cli login --tenant {tenant_id}"

SENTENCES: Mapping[str, tuple[str, str]] = {
    "700016": ("the tenant does not know the application: CLIENT_ID is wrong, or nobody has consented there", _CONSENT),
    "7000215": ("CLIENT_SECRET is wrong: it has to be the secret's value, not its id", _RESET),
    "7000222": ("the secret in CLIENT_SECRET has ended: make a new one", _RESET),
    "90002": ("there is no such tenant: correct TENANT_IDS, or GRAPH_CLOUD if it is in another cloud", ""),
    "65001": ("nobody has consented to the permissions in this tenant: an administrator has to", _CONSENT),
    "50105": (
        "the application asks for an assignment that the caller lacks: switch Assignment required off, or assign it",
        "az ad sp update --id {client_id} --set appRoleAssignmentRequired=false",
    ),
    "50020": ("the user's account is of another tenant: sign in with an account of this one", _SIGN_IN),
    "50034": ("the user's account does not exist in this tenant: correct the name", _SIGN_IN),
    "53003": ("a Conditional Access policy blocks the sign-in: an administrator has to exclude the application", ""),
    "50076": ("the user has to confirm the sign-in with a second factor: sign in again", _SIGN_IN),
    "50079": ("the user has to register a second factor first: sign in again", _SIGN_IN),
    "700027": (
        "the certificate in CLIENT_CERTIFICATE_NAME is not registered: upload its public part to the registration",
        "az ad app credential reset --id {client_id} --cert @certificate.pem --append",
    ),
    "700024": ("the assertion is not valid at this time: correct this machine's clock", ""),
    "700211": ("no federated credential has the issuer of FEDERATED_IDENTITY_CLIENT_ID's token", _FEDERATED),
    "700212": ("no federated credential has the audience of FEDERATED_IDENTITY_CLIENT_ID's token", _FEDERATED),
    "700213": (
        "no federated credential has the subject, the principal id, of FEDERATED_IDENTITY_CLIENT_ID's identity",
        _FEDERATED,
    ),
}


def explained(text: str, **values: str) -> Iterator[tuple[str, str]]:
    """Yield sentence and remedy for each code in ``text`` that is known here; ``values`` fill the remedies."""
    for code in dict.fromkeys(_CODE.findall(text)):
        if code in SENTENCES:
            sentence, remedy = SENTENCES[code]
            yield f"{sentence} (AADSTS{code})", remedy.format(**values)
