"""Microsoft Entra ID on loopback: metadata, signing keys, tokens for applications, users and managed identities."""

from sandbox.entra.directory import Account, Application, FederatedCredential
from sandbox.entra.service import Entra

__all__ = ["Account", "Application", "Entra", "FederatedCredential"]
