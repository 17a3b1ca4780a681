"""The one error of all verbs."""


class Wrong(Exception):
    """What was asked for cannot be done; the message is a sentence for the person who asked."""
