"""What somebody is shown beside their own answers: where help is now, and the score unless it is kept back (F8.B1)."""

from typing import Any, NamedTuple

from portal_api.core.db import Rows
from portal_api.models.forms import FormAssignment, FormVersion
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.services.forms import scoring

COLUMNS = (
    FormVersion.scoring,
    PortalSettings.assessment_scores_visible.label("scores_visible"),
    Practice.country,
    Practice.phone,
)
_LINES = {
    "AU": "call Lifeline on 13 11 14",
    "CA": "call or text 988",
    "DE": "call the TelefonSeelsorge on 0800 111 0 111",
    "GB": "call Samaritans on 116 123",
    "IE": "call Samaritans on 116 123",
    "NZ": "call or text 1737",
    "US": "call or text 988, the Suicide & Crisis Lifeline",
}
"""Lines that answer at any hour and cost nothing, by the country of the practice."""


class _Answered(NamedTuple):
    definition: dict[str, Any]
    scoring: dict[str, Any] | None


def beside(statement: Rows) -> Rows:
    """What COLUMNS need besides the assignment, its version and the practice."""
    return statement.join(PortalSettings, PortalSettings.practice_id == FormAssignment.practice_id)


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """The row for whoever filled it in, COLUMNS taken in: also before it is handed in, help does not wait."""
    version = _Answered(row["definition"], row.pop("scoring"))
    country, phone, visible = row.pop("country"), row.pop("phone"), row.pop("scores_visible")
    alarming = any(True for _ in scoring.alarms(version, row["answers"]))
    score = row["score"] if visible else None
    return row | {"score": score, "crisis": _help(country, phone) if alarming else None}


def _help(country: str, phone: str | None) -> dict[str, Any]:
    line = _LINES.get(country)
    where = f"call your local emergency number, or {line}" if line else "call your local emergency number"
    return {
        "text": f"If you may hurt yourself, or are in danger, {where}. Do not wait for the practice: it is told to look"
        " at such answers once they are handed in, but may not see them at once.",
        "practice_phone": phone,
    }
