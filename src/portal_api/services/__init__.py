"""Rules and flows: load, lock, decide, record."""
