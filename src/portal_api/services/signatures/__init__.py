"""Electronic signatures."""
