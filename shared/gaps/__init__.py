"""Changes that subscriptions missed are read back from Graph and published, or reported as lost.

A gap (``gap``, ``gap_table``) is read back by ``graph_queries``, and becomes ``recovered_events``. Lists without times
are compared with a ``snapshot`` (``snapshot_table``), which ``snapshot_recorder`` updates from live events.
``backfill`` is one attempt at one gap: it walks through lists (``list_walk``) or compares them (``list_comparison``).
``catch_up`` is a run over all gaps, which ``recording`` chooses; they take ``turns``.

For other packages: ``CatchUp``, ``GapTable``, ``SnapshotTable``, ``SnapshotRecorder``.
"""
