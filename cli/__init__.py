"""The operators' commands, ``python -m cli``: they translate between a person at a terminal and ``shared``."""
