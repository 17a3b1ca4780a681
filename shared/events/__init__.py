"""A change as a CloudEvent, published to the sink exactly once as far as can be known.

For other packages: ``CloudEvent``, ``change_event``, ``lifecycle_event``, ``PublishOnce``, ``PublicationTable``,
``QueueSink``, ``Provenance``, ``dump_json``, ``event_from_notification``, ``rfc3339``, ``source_of``, ``stable_id``.
"""
