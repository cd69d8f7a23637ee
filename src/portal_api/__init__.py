"""The back end of a client portal for health and therapy practices."""
