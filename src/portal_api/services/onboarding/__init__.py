"""Onboarding: the practice's flow, each client's copy of it, and how far they have come (F7)."""

from portal_api.services.onboarding import flow, followed, giving, mine
from portal_api.services.onboarding.giving import begin, spread

__all__ = ["begin", "flow", "followed", "giving", "mine", "spread"]
