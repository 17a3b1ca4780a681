"""Microsoft Entra ID on loopback: metadata, signing keys, tokens for applications and managed identities."""

from sandbox.entra.directory import Application
from sandbox.entra.service import Entra

__all__ = ["Application", "Entra"]
