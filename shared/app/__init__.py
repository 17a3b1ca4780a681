"""The composition root: it builds the two functions and their clients from settings and a clock."""
