"""One sandbox, started, shown and operated: the world around the app, a scenario, a report and a way in."""
