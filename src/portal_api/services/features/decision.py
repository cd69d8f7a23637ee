"""The one rule of who has a feature: every gate must be open (F2.M1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from portal_api.core.access import Feature, GrantPermission

GRANT_PERMISSION: Mapping[Feature, GrantPermission] = {
    Feature.APPOINTMENT_REQUESTS: GrantPermission.APPOINTMENTS_BOOK,
    Feature.APPOINTMENT_CANCELLATION: GrantPermission.APPOINTMENTS_CANCEL,
    Feature.SECURE_MESSAGING: GrantPermission.MESSAGES,
    Feature.CLIENT_UPLOADS: GrantPermission.DOCUMENTS_UPLOAD,
    Feature.ONLINE_PAYMENTS: GrantPermission.BILLING_PAY,
    Feature.VIDEO: GrantPermission.VIDEO_JOIN,
}
"""What a person's grant must allow for them to use the feature."""


class Gate(StrEnum):
    """Where a feature can be off, in the order in which people look for it."""

    PRACTICE = "practice"
    PRACTITIONER = "practitioner"
    CLIENT = "client"
    GRANT = "grant"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rule depends on, for one client and, if `permissions` is given, one person acting for them.

    offered: what the practice has switched on. declined: for each assigned practitioner, what they switched off.
    withheld: what is switched off for this client. permissions: those of the person's grant.
    """

    offered: frozenset[Feature]
    declined: tuple[frozenset[Feature], ...] = ()
    withheld: frozenset[Feature] = frozenset()
    permissions: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    gates: Mapping[Gate, bool]

    @property
    def closed(self) -> Gate | None:
        """The first gate that is off."""
        return next((gate for gate, is_open in self.gates.items() if not is_open), None)


def effective(feature: Feature, facts: Facts) -> Decision:
    """Whether the feature may be used, and how each gate stands.

    Of several practitioners one who offers it is enough; where nobody is assigned the practice decides.
    """
    gates = {
        Gate.PRACTICE: feature in facts.offered,
        Gate.PRACTITIONER: not facts.declined or any(feature not in declined for declined in facts.declined),
        Gate.CLIENT: feature not in facts.withheld,
        Gate.GRANT: facts.permissions is None or GRANT_PERMISSION[feature] in facts.permissions,
    }
    return Decision(all(gates.values()), gates)


def allowed(facts: Facts) -> dict[str, bool]:
    """Every feature by its name, effective or not."""
    return {feature.value: effective(feature, facts).allowed for feature in Feature}
