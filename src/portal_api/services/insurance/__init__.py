"""Insurance policies: clients enter them, staff accept or reject them (F7.M4)."""

from portal_api.services.insurance import mine, review

__all__ = ["mine", "review"]
