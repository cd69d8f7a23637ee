"""How long tests wait for what must happen: so long that a slow and busy machine is no failure."""

PATIENCE = 60
"""Seconds. Nothing is measured by it: what comes in time comes long before."""
