"""The laws of delivery over random histories: the app's flows in memory, a Graph at its worst, one clock."""
