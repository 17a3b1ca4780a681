"""A POST becomes events, or is parked, quarantined or refused; stored ones are redriven.

For other packages: ``Receiver``, ``Redriver``, ``PostStore``, ``ResourceReader``, ``RateLimitedReader``, ``PARKED``,
``QUARANTINE``.
"""
