"""Everything goes wrong, at random and by a plan, while people work in Teams; at the end nothing may be missing."""
