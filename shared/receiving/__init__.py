"""Publishes, parks or quarantines the items of a POST that are ours; redrives stored items.

``receive`` is the flow of a POST, ``item_publisher`` what becomes of each item, ``storing`` what is stored and where.

For other packages: ``Receiver``, ``ItemPublisher``, ``Redriver``, ``Quarantine``, ``PostStore``, ``PostLog``,
``ResourceReader``, ``RateLimitedReader``, ``PARKED``, ``QUARANTINE``.
"""
