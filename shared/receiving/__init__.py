"""A POST becomes events, or is parked, quarantined or refused; stored ones are redriven.

For other packages: ``Receiver``, ``Receipt``, ``Redriver``, ``PostStore``, ``ResourceReader``, ``RateLimitedReader``.
"""
