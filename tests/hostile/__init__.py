"""Bad input, as data: for the pure functions and for the running host alike."""
