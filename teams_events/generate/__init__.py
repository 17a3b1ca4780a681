"""Writes the JSON Schemas and the TypeScript declarations of the events, from their types in ``teams_events``."""
