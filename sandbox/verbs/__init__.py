"""What a person does to a running sandbox from a second terminal: act in Teams, break, mend, look, trigger events."""
