"""Frameworks, one flat file each, which translate and decide nothing; and `bearer`, which knows none."""
