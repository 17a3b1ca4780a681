"""One module for each command: it reads its arguments, calls ``shared``, and prints the result."""
