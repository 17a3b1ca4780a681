"""The app: a pure core with I/O at its edges. Imports point downward only (``pyproject.toml`` lists the layers)."""
