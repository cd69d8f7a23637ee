"""What clients may do in the portal: switches, the one rule over them, what follows from it."""

from portal_api.services.features.decision import Decision, Facts, Gate, allowed, effective
from portal_api.services.features.enforcement import capabilities, has, narrowed, require
from portal_api.services.features.explaining import explain
from portal_api.services.features.switches import (
    Switches,
    of_client,
    of_practice,
    of_practitioner,
    turn_client,
    turn_practice,
    turn_practitioner,
)

__all__ = [
    "Decision",
    "Facts",
    "Gate",
    "Switches",
    "allowed",
    "capabilities",
    "effective",
    "explain",
    "has",
    "narrowed",
    "of_client",
    "of_practice",
    "of_practitioner",
    "require",
    "turn_client",
    "turn_practice",
    "turn_practitioner",
]
