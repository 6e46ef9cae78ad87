"""What goes wrong on request, and what was asked."""
