"""Who opened or changed a client's record, for those who act for the client (F18.B1).

A guardian sees what they did themselves, what the practice did with the chart, and what it did with the very things
that they see today. Of anything else, kept from them or another guardian's, they learn not even that somebody read it:
that would say that it is there (F6.M3, F6.B3).
"""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, or_, select, text, union_all

from portal_api.core.access import ActorKind, GrantPermission, Principal, Profile
from portal_api.core.db import Read, Reader
from portal_api.core.errors import invalid
from portal_api.models.audit import Event, EventSubject
from portal_api.models.auth import Account
from portal_api.models.client_information import ClientChange
from portal_api.models.clients import ClientGrant
from portal_api.models.documents import Document
from portal_api.models.forms import FormAssignment
from portal_api.models.insurance import InsurancePolicy
from portal_api.models.scheduling import Appointment, AppointmentRequest
from portal_api.models.staff import StaffMember
from portal_api.models.treatment_plans import TreatmentPlan, TreatmentPlanRevision
from portal_api.schemas.audit import AccessHistoryFilters
from portal_api.services.audit.catalogue import describe
from portal_api.services.audit.chain import unsealed
from portal_api.services.audit.reading import newest, position
from portal_api.services.documents import reading as documents
from portal_api.services.forms import reading as forms
from portal_api.services.onboarding.standing import PERMISSIONS as OF_ONBOARDING
from portal_api.services.paging import Pager

May = GrantPermission
ONBOARDING, CHART = "onboarding", "client"
OF_THE_CHART = ("client.", "clients.")
"""How the types of events begin that are about the chart and name nothing else."""
NOT_FOR_GUARDIANS = (
    "client.came_of_age",
    "client.grew_older",
    "client.sessions_viewed",
    "client.sharing_changed",
    "custody.",
    "guardian",
    "invitation",
    "message.",
    "thread",
)
"""How the types of events begin that would tell one guardian of another, or of what they write and are written."""
_account = bindparam("account_id", type_=ClientGrant.account_id.type)
_shared_plan = exists().where(
    TreatmentPlanRevision.plan_id == TreatmentPlan.id, TreatmentPlanRevision.shared_at.is_not(None)
)
SHOWN: dict[Any, tuple[ColumnElement[bool], frozenset[GrantPermission]]] = {
    Appointment: (Appointment.id.is_not(None), frozenset({May.APPOINTMENTS_VIEW})),
    AppointmentRequest: (AppointmentRequest.id.is_not(None), frozenset({May.APPOINTMENTS_VIEW, May.APPOINTMENTS_BOOK})),
    ClientChange: (ClientChange.account_id == _account, frozenset({May.DEMOGRAPHICS_EDIT})),
    Document: (documents.is_shown(), frozenset({May.DOCUMENTS_VIEW, May.DOCUMENTS_UPLOAD})),
    FormAssignment: (forms.addressed_to(_account), frozenset({May.FORMS_COMPLETE, May.FORMS_SIGN})),
    InsurancePolicy: (InsurancePolicy.added_by == _account, frozenset({May.INSURANCE_ADD})),
    TreatmentPlan: (_shared_plan, frozenset({May.DOCUMENTS_VIEW, May.FORMS_SIGN})),
}
"""Which things of a record a guardian sees, of those that row-level security leaves, and with which permissions."""
_relationship = (
    select(ClientGrant.relationship)
    .where(ClientGrant.account_id == Event.actor_id, ClientGrant.client_id == bindparam("client_id"))
    .order_by(ClientGrant.id.desc())
    .limit(1)
    .correlate(Event)
    .scalar_subquery()
)
_name = (Account.given_name + " " + Account.family_name).label("actor_name")


async def page(reader: Reader, principal: Principal, filters: AccessHistoryFilters) -> dict[str, Any]:
    """The events, newest first.

    Raises NotFound for a client that the caller does not act for, Invalid when it has to say which one.
    """
    profile = _acting_for(principal, filters)
    pager = Pager(reader, principal, "access_history", filters, "occurred_at", "id")
    seen = None if profile.is_own else _seen(profile)
    rows = await reader.rows(
        _history(seen, resumed=pager.position is not None),
        client_id=profile.client_id,
        account_id=principal.account_id,
        viewing=[profile.client_id] if profile.may(May.DOCUMENTS_VIEW) else [],
        **position(pager),
        limit=pager.limit + 1,
    )
    for row in rows:
        row["description"] = describe(row["type"])
    return pager.envelope(rows)


def _acting_for(principal: Principal, filters: AccessHistoryFilters) -> Profile:
    if filters.client_id is None and len(principal.profiles) > 1:
        raise invalid("/query/client_id", "required", "You act for several clients: say for which one.")
    return principal.profile(filters.client_id)


def _seen(profile: Profile) -> frozenset[str]:
    """The kinds of things that the permissions show, by their tables."""
    seen = {model.__tablename__ for model, (_, needed) in SHOWN.items() if any(map(profile.may, needed))}
    return frozenset(seen | ({ONBOARDING} if any(map(profile.may, OF_ONBOARDING.values())) else set()))


def _shown_to_guardian(seen: frozenset[str]) -> ColumnElement[bool]:
    own = Event.actor_id == _account
    of_the_chart = or_(*(Event.type.startswith(name, autoescape=True) for name in OF_THE_CHART))
    about_the_chart = Event.resource_type == CHART
    if ONBOARDING not in seen:
        about_the_chart = and_(about_the_chart, ~Event.type.startswith(ONBOARDING, autoescape=True))
    things = [model.__tablename__ for model in SHOWN]
    about_things = [
        and_(Event.resource_type == model.__tablename__, exists().where(model.id == Event.resource_id, condition))
        for model, (condition, _) in SHOWN.items()
        if model.__tablename__ in seen
    ]
    return and_(
        *(~Event.type.startswith(name, autoescape=True) for name in NOT_FOR_GUARDIANS),
        or_(own, Event.actor_kind.not_in((ActorKind.CLIENT, ActorKind.ANONYMOUS))),
        or_(
            and_(own, or_(Event.resource_type.is_(None), Event.resource_type.not_in(things))),
            and_(Event.resource_type.is_(None), of_the_chart),
            about_the_chart,
            *about_things,
        ),
    )


@cache
def _history(seen: frozenset[str] | None, *, resumed: bool) -> Read:
    """Sealed events by their index, and the few of the last minute that are not sealed yet. `seen`: a guardian's."""
    shown = () if seen is None else (_shown_to_guardian(seen),)
    sealed = select(EventSubject.event_id.label("id"), EventSubject.occurred_at.label("occurred_at"))
    sealed = sealed.where(EventSubject.client_id == bindparam("client_id"))
    if shown:
        sealed = sealed.join(Event, Event.id == EventSubject.event_id).where(*shown)
    fresh = select(Event.id.label("id"), Event.occurred_at.label("occurred_at"))
    fresh = fresh.where(bindparam("client_id") == Event.client_ids.any_(), unsealed(), *shown)
    found = union_all(
        newest(sealed, EventSubject.occurred_at, EventSubject.event_id, resumed=resumed),
        newest(fresh, Event.occurred_at, Event.id, resumed=resumed),
    ).subquery()
    statement = (
        select(
            Event.id,
            Event.occurred_at,
            Event.type,
            Event.outcome,
            Event.actor_kind,
            _name,
            func.coalesce(StaffMember.roles, text("'{}'::text[]")).label("actor_roles"),
            _relationship.label("actor_relationship"),
            Event.on_behalf_of,
        )
        .select_from(found)
        .join(Event, Event.id == found.c.id)
        .outerjoin(Account, Account.id == Event.actor_id)
        .outerjoin(StaffMember, StaffMember.account_id == Event.actor_id)
        .order_by(found.c.occurred_at.desc(), found.c.id.desc())
        .limit(bindparam("limit"))
    )
    return Read(statement)
