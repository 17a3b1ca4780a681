"""The published events for consumers, as Python types and as JSON Schemas; imports nothing of the app."""
