"""The composition root: settings and a clock in, the two functions with all that they call out."""
