"""A Functions host for one machine: what ``func start`` does, on the Python runtime that the cloud uses."""
