"""Random histories of days with an audit at their end: what Graph drops in silence is found, and nothing else is."""
