"""The drawing at the top of README, and that it is the one that its script makes."""
