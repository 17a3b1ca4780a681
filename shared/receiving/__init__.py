"""Turns a POST into events, or parks, quarantines or drops its items; redrives stored POSTs.

For other packages: ``Receiver``, ``Redriver``, ``PostStore``, ``ResourceReader``, ``RateLimitedReader``, ``PARKED``,
``QUARANTINE``.
"""
