"""Pictures as others are given them: without what the camera noted, and in a form that every browser shows."""

from portal_api.integrations.pictures.cleaning import Picture, Unreadable, cleaned

__all__ = ["Picture", "Unreadable", "cleaned"]
