"""The operators' commands, ``python -m cli``: they read arguments, call ``shared`` and print what it returns."""
