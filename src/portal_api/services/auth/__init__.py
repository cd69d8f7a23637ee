"""Signing in, staying signed in, and proving who one is."""
