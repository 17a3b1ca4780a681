"""The product: a pure core, I/O at its edges; imports point down only (``pyproject.toml`` has the layers)."""
