"""Which treatment plans a caller sees, and how they are read."""

from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, and_, bindparam, func, select
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.orm import aliased

from portal_api.core.access import GrantPermission, Principal, Profile
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import Forbidden, NotFound
from portal_api.models.clients import Client
from portal_api.models.signatures import RequestState, SignatureRequest, SubjectKind
from portal_api.models.treatment_plans import CLIENT_STATES, RevisionState, TreatmentPlan, TreatmentPlanRevision
from portal_api.schemas.base import PageQuery
from portal_api.schemas.treatment_plans import MyPlanFilters, PlanFilters
from portal_api.services import audit, clients
from portal_api.services.clients import reading as of_clients
from portal_api.services.paging import Pager

Revision = TreatmentPlanRevision
_other = aliased(TreatmentPlanRevision)
CONTENT = ("title", "summary", "goals", "diagnoses", "review_on")
_mine = bindparam("mine", type_=ARRAY(PGUUID(as_uuid=True)))
_active = (
    select(_other.number)
    .where(_other.plan_id == TreatmentPlan.id, _other.state == RevisionState.ACTIVE)
    .correlate(TreatmentPlan)
    .scalar_subquery()
)
COLUMNS = (
    TreatmentPlan.id,
    TreatmentPlan.client_id,
    TreatmentPlan.author_id,
    Revision.id.label("revision_id"),
    Revision.number.label("revision"),
    Revision.state,
    Revision.content,
    Revision.signers,
    Revision.shared_at,
    TreatmentPlan.confidential,
    TreatmentPlan.created_at,
    TreatmentPlan.updated_at,
    TreatmentPlan.version,
)
STAFFS = (_active.label("active_revision"), TreatmentPlan.discontinued_at, TreatmentPlan.discontinued_reason)

SIGNED = Read(
    select(Revision.id)
    .join(SignatureRequest, SignatureRequest.subject_id == Revision.id)
    .where(
        Revision.plan_id == bindparam("plan_id"),
        SignatureRequest.subject_kind == SubjectKind.TREATMENT_PLAN,
        SignatureRequest.state == RequestState.COMPLETE,
    )
    .order_by(Revision.number.desc())
    .limit(1)
)


async def page(reader: Reader, principal: Principal, client_id: UUID, filters: PlanFilters) -> dict[str, Any]:
    """The client's plans, newest first. Raises NotFound for a client that the caller does not see."""
    await clients.must_see(reader, principal, client_id)
    pager = Pager(reader, principal, f"clients/{client_id}/treatment-plans", filters, "id")
    rows = await reader.rows(
        _of_client(filters.state, resumed=pager.position is not None),
        client_id=client_id,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    answer = pager.envelope([shaped(row) for row in rows])
    audit.viewed(reader, principal, "treatment_plans.listed", [client_id] if rows else [])
    return answer


async def get(source: Source, principal: Principal, plan_id: UUID) -> dict[str, Any]:
    """One plan of a client that the caller sees. Raises NotFound."""
    row = await source.row(one(of_clients.sees_all(principal)), plan_id=plan_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound
    if isinstance(source, Reader):
        audit.viewed(source, principal, "treatment_plan.viewed", [row["client_id"]])
    return shaped(row)


async def revisions(reader: Reader, principal: Principal, plan_id: UUID, query: PageQuery) -> dict[str, Any]:
    """All that the plan ever said, newest first. Raises NotFound."""
    plan = await get(reader, principal, plan_id)
    pager = Pager(reader, principal, f"treatment-plans/{plan_id}/revisions", query, "number")
    rows = await reader.rows(
        _revisions(resumed=pager.position is not None),
        plan_id=plan["id"],
        before=pager.position[0] if pager.position else None,
        limit=pager.limit + 1,
    )
    return pager.envelope([_spread(row) | {"signers": _roles(row)} for row in rows])


async def page_mine(reader: Reader, principal: Principal, filters: MyPlanFilters) -> dict[str, Any]:
    """The plans that were put before the caller's clients, newest first. Raises NotFound, Forbidden."""
    pager = Pager(reader, principal, "me/treatment-plans", filters, "id")
    rows = await reader.rows(
        _many_mine(resumed=pager.position is not None),
        mine=_ids_of(_seen(principal, filters.client_id)),
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    return pager.envelope([shaped_for_client(row) for row in rows])


async def get_mine(source: Source, principal: Principal, plan_id: UUID) -> dict[str, Any]:
    """One of them. Raises NotFound."""
    return shaped_for_client(await row_of_mine(source, principal, plan_id))


async def row_of_mine(source: Source, principal: Principal, plan_id: UUID) -> dict[str, Any]:
    """The plan's newest revision that was put before the client. Raises NotFound."""
    seen = _ids_of(profile for profile in principal.profiles if _sees_plans(profile))
    row = await source.row(_one_mine(), plan_id=plan_id, mine=seen)
    if row is None:
        raise NotFound
    return row


async def held(session: Session, principal: Principal, plan_id: UUID) -> tuple[TreatmentPlan, TreatmentPlanRevision]:
    """The plan with its newest revision, held for a change by staff. Raises NotFound."""
    statement = of_clients.visible(
        select(TreatmentPlan).join(Client, Client.id == TreatmentPlan.client_id).where(TreatmentPlan.id == plan_id),
        of_clients.sees_all(principal),
    )
    found = await session.scalars(statement.with_for_update(of=TreatmentPlan), {"staff_id": principal.staff_id})
    plan = found.one_or_none()
    if plan is None:
        raise NotFound
    newest = select(Revision).where(Revision.plan_id == plan.id).order_by(Revision.number.desc()).limit(1)
    return plan, (await session.scalars(newest)).one()


async def held_by_client(
    session: Session, principal: Principal, plan_id: UUID, client_id: UUID | None
) -> tuple[TreatmentPlan, TreatmentPlanRevision]:
    """The plan with the revision that was put before the client last, held by somebody who may sign for them.

    client_id: as the caller named it, if they did. Raises NotFound, Forbidden where they see it and no more.
    """
    row = await row_of_mine(session, principal, plan_id)
    if client_id not in (None, row["client_id"]):
        raise NotFound
    principal.profile(row["client_id"], GrantPermission.FORMS_SIGN)
    held_plan = select(TreatmentPlan).where(TreatmentPlan.id == plan_id).with_for_update()
    plan = (await session.scalars(held_plan)).one()
    row = await row_of_mine(session, principal, plan_id)  # as it is, now that nobody else changes it
    this = select(Revision).where(Revision.id == row["revision_id"])
    return plan, (await session.scalars(this)).one()


def shaped(row: dict[str, Any]) -> dict[str, Any]:
    del row["revision_id"]
    return _spread(row) | {"signers": _roles(row)}


def shaped_for_client(row: dict[str, Any]) -> dict[str, Any]:
    for name in ("revision_id", "signers", "confidential"):
        del row[name]
    row["practitioner_id"] = row.pop("author_id")
    return _spread(row)


def _spread(row: dict[str, Any]) -> dict[str, Any]:
    content = row.pop("content")
    return row | {name: content.get(name) for name in CONTENT}


def _roles(row: dict[str, Any]) -> list[str]:
    return [signer["role"] for signer in row["signers"]]


def _seen(principal: Principal, client_id: UUID | None) -> list[Profile]:
    """Raises NotFound for a client who is not theirs, Forbidden where they are shown no plans."""
    profiles = (principal.profile(client_id),) if client_id is not None else principal.profiles
    seen = [profile for profile in profiles if _sees_plans(profile)]
    if profiles and not seen:
        raise Forbidden("Treatment plans are not among what you may see for others.")
    return seen


def _sees_plans(profile: Profile) -> bool:
    """Who may sign must be able to read what they sign."""
    return profile.may(GrantPermission.DOCUMENTS_VIEW) or profile.may(GrantPermission.FORMS_SIGN)


def _ids_of(profiles: Iterable[Profile]) -> list[UUID]:
    return [profile.client_id for profile in profiles]


def newest_of_plan(*columns: Any) -> Rows:
    """Plans with their newest revision."""
    newest = select(func.max(_other.number)).where(_other.plan_id == TreatmentPlan.id).correlate(TreatmentPlan)
    return _with_revision(newest.scalar_subquery(), *columns)


def newest_for_clients() -> Rows:
    """Plans with the newest revision that was put before the client."""
    newest = (
        select(func.max(_other.number))
        .where(_other.plan_id == TreatmentPlan.id, _other.state.in_(CLIENT_STATES), _other.shared_at.is_not(None))
        .correlate(TreatmentPlan)
    )
    return _with_revision(newest.scalar_subquery())


def _of_mine() -> Rows:
    return newest_for_clients().where(TreatmentPlan.client_id == _mine.any_())


def _with_revision(number: Any, *columns: Any) -> Rows:
    this = and_(Revision.plan_id == TreatmentPlan.id, Revision.number == number)
    return select(*COLUMNS, *columns).select_from(TreatmentPlan).join(Revision, this)


@cache
def one(everyone: bool) -> Read:
    statement = newest_of_plan(*STAFFS).join(Client, Client.id == TreatmentPlan.client_id)
    return Read(of_clients.visible(statement.where(TreatmentPlan.id == bindparam("plan_id")), everyone))


@cache
def _of_client(state: str | None, *, resumed: bool) -> Read:
    statement = newest_of_plan(*STAFFS).where(TreatmentPlan.client_id == bindparam("client_id"))
    if state is not None:
        statement = statement.where(Revision.state == state)
    return Read(_newest_first(statement, resumed=resumed))


@cache
def _one_mine() -> Read:
    return Read(_of_mine().where(TreatmentPlan.id == bindparam("plan_id")))


@cache
def _many_mine(*, resumed: bool) -> Read:
    return Read(_newest_first(_of_mine(), resumed=resumed))


def _newest_first(statement: Rows, *, resumed: bool) -> Rows:
    if resumed:
        statement = statement.where(TreatmentPlan.id < bindparam("after_id"))
    return statement.order_by(TreatmentPlan.id.desc()).limit(bindparam("limit"))


@cache
def _revisions(*, resumed: bool) -> Read:
    statement = select(
        Revision.number,
        Revision.state,
        Revision.content,
        Revision.signers,
        Revision.shared_at,
        Revision.created_at,
        Revision.ended_at,
    ).where(Revision.plan_id == bindparam("plan_id"))
    if resumed:
        statement = statement.where(Revision.number < bindparam("before"))
    return Read(statement.order_by(Revision.number.desc()).limit(bindparam("limit")))
