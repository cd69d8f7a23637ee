"""Who can be asked for a time through the portal, and for what: conditions for statements to put together."""

from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, literal_column, or_, select

from portal_api.core.access import BOOKABLE_ROLES, Feature
from portal_api.models.features import FeatureSetting, Scope
from portal_api.models.scheduling import Audience, Schedule, Service
from portal_api.models.staff import StaffMember
from portal_api.services.scheduling.services import offered_by

# The scopes of windows; one that is null, or names no audience, is open for everybody.
_WEEKLY = literal_column("""'$[*][3] ? (!(@.audience == $others))'::jsonpath""")
_ON_DATES = literal_column("""'$.keyvalue() ? (@.key >= $today).value[*][2] ? (!(@.audience == $others))'::jsonpath""")
_OTHERS = {Audience.NEW: Audience.EXISTING, Audience.EXISTING: Audience.NEW}

practises = and_(
    StaffMember.state == "active", StaffMember.roles.overlap([role.value for role in sorted(BOOKABLE_ROLES)])
)
"""Whether a staff member's time can be booked at all, `practitioners.practises` in SQL."""
declined = (
    exists()
    .where(
        FeatureSetting.scope == Scope.PRACTITIONER,
        FeatureSetting.subject_id == StaffMember.id,
        FeatureSetting.feature == Feature.APPOINTMENT_REQUESTS,
        FeatureSetting.enabled.is_(False),
    )
    .correlate(StaffMember)
)
"""Whether a staff member takes no requests through the portal."""


def admits(audience: Audience) -> ColumnElement[bool]:
    """Whether a service can be asked for by people of the audience, which is new or existing."""
    return and_(Service.client_bookable, Service.audience != _OTHERS[audience], Service.archived_at.is_(None))


def receives(audience: Audience) -> ColumnElement[bool]:
    """Whether a staff member, joined with their schedule, has hours for the audience and takes requests."""
    others = ("others", _OTHERS[audience].value)
    today = ("today", cast(func.current_date(), Text))
    has_hours = or_(
        func.jsonb_path_exists(Schedule.windows, _WEEKLY, func.jsonb_build_object(*others)),
        func.jsonb_path_exists(Schedule.overrides, _ON_DATES, func.jsonb_build_object(*others, *today)),
    )
    return and_(practises, ~declined, has_hours)


def by_clients() -> ColumnElement[bool]:
    """Whether clients may ask a staff member for some time: hours for them, and a service to fill these with."""
    hours = select(Schedule.practitioner_id).where(
        Schedule.practitioner_id == StaffMember.id, receives(Audience.EXISTING)
    )
    service = select(Service.id).where(admits(Audience.EXISTING), offered_by(StaffMember.id))
    return and_(hours.correlate(StaffMember).exists(), service.correlate(StaffMember).exists())
