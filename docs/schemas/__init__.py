"""JSON Schemas of the events, and the script that makes them."""
