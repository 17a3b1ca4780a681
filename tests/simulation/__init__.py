"""Days of the app's life in minutes: many subscriptions, steady traffic, chance faults, rotations; run as a module."""
