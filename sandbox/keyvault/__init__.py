"""Key Vault on loopback: versioned secrets and the secrets behind certificates."""

from sandbox.keyvault.service import KeyVault

__all__ = ["KeyVault"]
