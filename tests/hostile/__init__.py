"""Bad input, as data: what the pure functions and the running host are both shown."""
