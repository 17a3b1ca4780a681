"""Changes as CloudEvents, each published to the sink once as far as possible.

For other packages: ``CloudEvent``, ``change_event``, ``lifecycle_event``, ``PublishOnce``, ``PublicationTable``,
``QueueSink``, ``Provenance``, ``event_from_notification``, ``rfc3339``, ``source_of``, ``stable_id``.
"""
