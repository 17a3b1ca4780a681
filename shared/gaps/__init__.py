"""What was missed is found, read back and published, or declared lost.

For other packages: ``CatchUp``, ``GapTable``, ``SnapshotTable``, ``SnapshotRecorder``.
"""
