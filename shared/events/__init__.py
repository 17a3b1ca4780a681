"""A change as a CloudEvent, published to the sink exactly once as far as can be known.

For other packages: ``CloudEvent``, ``change_event``, ``lifecycle_event``, ``PublishOnce``, ``PublicationTable``,
``QueueSink``.
"""
