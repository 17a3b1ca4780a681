"""What the live page shows of a sandbox, from what its parts and the app's storage account hold."""
