"""Whose tokens are taken, and what they must be."""
