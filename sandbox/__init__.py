"""The outside world on loopback: Functions host, Graph, Entra ID, managed identity, Key Vault and Azurite."""
