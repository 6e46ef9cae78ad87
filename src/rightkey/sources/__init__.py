"""Where keys come from, and the one retry."""
