"""What clients say of themselves: asked for by the practice's rules, and looked at by staff (F7)."""

from portal_api.services.client_information import charts, mine, proposals, review, rules

__all__ = ["charts", "mine", "proposals", "review", "rules"]
