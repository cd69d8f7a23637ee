"""What a practice asks its clients about themselves: groups of fields, on or off, required or not (F7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from portal_api.core.db import Read, Source
from portal_api.core.errors import invalid
from portal_api.models.onboarding import OnboardingFlow
from portal_api.schemas.client_information import Group, GroupRuleUpdate

ALWAYS_NEEDED = ("given_name", "family_name")
"""No chart is without them."""
ALWAYS_REVIEWED = ("date_of_birth", "email")
"""Until when guardians may act for a client, and who may sign in as one, hang on these."""
OF_POLICIES = (
    *("payer_id", "plan_name", "group_number", "subscriber", "effective_date", "end_date"),
    *("front_document_id", "back_document_id"),
)
STORED = Read(select(OnboardingFlow.client_information))


def _asked(*, required: bool = False, review: bool = False) -> dict[str, bool]:
    return {"enabled": True, "required": required, "review": review}


DEFAULTS: dict[str, dict[str, dict[str, bool]]] = {
    "profile": {
        "given_name": _asked(required=True, review=True),
        "middle_name": _asked(review=True),
        "family_name": _asked(required=True, review=True),
        "preferred_name": _asked(),
        "pronouns": _asked(),
    },
    "demographics": {
        "date_of_birth": _asked(required=True, review=True),
        "sex": _asked(review=True),
        "gender_identity": _asked(),
        "language": _asked(),
    },
    "contact": {
        "email": _asked(review=True),
        "phone": _asked(required=True, review=True),
        "other_phones": _asked(review=True),
        "address": _asked(review=True),
        "time_zone": _asked(),
        "emergency_contact": _asked(),
    },
    "preferences": {"contact_preferences": _asked()},
    "insurance": {"self_pay": _asked(), **{name: _asked(review=True) for name in OF_POLICIES}},
}
"""Who somebody is, and how mail and bills reach them, staff look at first; what they are called is theirs to say."""
GROUP_OF = {name: group for group, fields in DEFAULTS.items() for name in fields}


@dataclass(frozen=True, slots=True)
class Rules:
    """The practice's groups: `{group: {"enabled", "fields": {name: {"enabled", "required", "review"}}}}`."""

    groups: Mapping[str, Mapping[str, Any]]

    def asks(self, group: str) -> bool:
        return bool(self.groups[group]["enabled"])

    def fields(self, group: str) -> list[str]:
        """The fields that clients are asked for, in order; none where the group is off."""
        asked: Mapping[str, Mapping[str, bool]] = self.groups[group]["fields"]
        return [name for name, rule in asked.items() if rule["enabled"]] if self.asks(group) else []

    def of(self, name: str) -> Mapping[str, bool]:
        rule: Mapping[str, bool] = self.groups[GROUP_OF[name]]["fields"][name]
        return rule

    @property
    def of_profile(self) -> list[str]:
        """Every field of the chart that clients may fill in."""
        return [name for group in self.groups for name in self.fields(group) if name not in OF_POLICIES]


async def read(source: Source) -> Rules:
    """The rules of the caller's practice."""
    row = await source.row(STORED)
    return over(row["client_information"] if row else {})


def over(stored: Mapping[str, Any]) -> Rules:
    """What is stored, over what holds where a practice has said nothing: a field may be younger than its choice."""
    groups: dict[str, Any] = {}
    for group, fields in DEFAULTS.items():
        own = stored.get(group, {})
        chosen = own.get("fields", {})
        merged = {name: rule | chosen.get(name, {}) for name, rule in fields.items()}
        groups[group] = {"enabled": own.get("enabled", True), "fields": merged}
    return Rules(groups)


def changed(rules: Rules, given: Mapping[Group, GroupRuleUpdate]) -> dict[str, Any]:
    """What is to be stored after a merge patch (RFC 7396). Raises Invalid with pointers into /client_information."""
    stored = {group: {**rule, "fields": dict(rule["fields"])} for group, rule in rules.groups.items()}
    for group, update in given.items():
        at = f"/client_information/{group}"
        for part, value in update.given().items():
            if value is None:
                raise invalid(f"{at}/{part}", "null_not_allowed", "This cannot be cleared.")
            if part == "enabled":
                stored[group]["enabled"] = value
        for name, rule in (update.fields or {}).items():
            stored[group]["fields"][name] = _changed_rule(group, name, stored, rule.given(), f"{at}/fields/{name}")
    return stored


def _changed_rule(group: str, name: str, stored: dict[str, Any], given: dict[str, Any], pointer: str) -> dict[str, Any]:
    if GROUP_OF[name] != group:
        raise invalid(pointer, "unknown_field", f"This field belongs to {GROUP_OF[name]}.")
    for part, value in given.items():
        if value is None:
            raise invalid(f"{pointer}/{part}", "null_not_allowed", "This cannot be cleared.")
    rule: dict[str, Any] = stored[group]["fields"][name] | given
    if name in ALWAYS_NEEDED and not (rule["enabled"] and rule["required"]):
        raise invalid(pointer, "always_needed", "No chart is without this.")
    if name in (*ALWAYS_REVIEWED, *OF_POLICIES) and not rule["review"]:
        raise invalid(f"{pointer}/review", "always_reviewed", "Staff look at this in any case.")
    return rule
