"""Azure Resource Manager, an administrator's side of the directory, and the names under which ``az`` finds both."""

from sandbox.arm.cloud import AzureCloud

__all__ = ["AzureCloud"]
