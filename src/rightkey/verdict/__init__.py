"""One token against the keys held, at one time."""
