"""Which assignments a caller sees, and how they are read."""

from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, and_, bindparam, case, exists, func, null, or_, select
from sqlalchemy.dialects.postgresql import UUID as PGUUID

from portal_api.core.access import ActorKind, GrantPermission, Principal, Profile
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import Forbidden, NotFound
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.models.forms import OPEN_STATES, FormAssignment, FormRecurrence, FormTemplate, FormVersion
from portal_api.models.practices import Practice
from portal_api.schemas.forms.assignments import FormAssignmentFilters
from portal_api.schemas.forms.definition import FormDefinition
from portal_api.schemas.forms.mine import MyFormFilters
from portal_api.services import audit, clients
from portal_api.services.clients import reading as of_clients
from portal_api.services.forms import answers, crisis
from portal_api.services.forms.rendering import filled, rendered
from portal_api.services.paging import Pager

COMPLETE, SIGN = GrantPermission.FORMS_COMPLETE, GrantPermission.FORMS_SIGN
_today = func.date(func.timezone(Practice.time_zone, func.now()))
_overdue = and_(FormAssignment.state_now().in_(OPEN_STATES), FormAssignment.due_on < _today)
COLUMNS = (
    FormAssignment.id,
    FormAssignment.client_id,
    FormAssignment.form_template_id,
    FormTemplate.kind,
    FormTemplate.key,
    FormVersion.title,
    FormVersion.number.label("version_number"),
    FormAssignment.state_now().label("state"),
    FormAssignment.state_changed_at,
    FormAssignment.due_on,
    func.coalesce(_overdue, False).label("overdue"),
    FormAssignment.expires_on,
    FormAssignment.confidential,
    FormAssignment.signers,
    FormAssignment.submitted_at,
    FormAssignment.submitted_by_kind,
    FormAssignment.signed_at,
    FormAssignment.values,
    FormAssignment.created_at,
    FormAssignment.updated_at,
    FormAssignment.version,
)
_recurrence = case(
    (
        and_(FormRecurrence.id.is_not(None), FormRecurrence.ended_at.is_(None)),
        func.jsonb_build_object("rule", FormRecurrence.rule, "days", FormRecurrence.days),
    ),
    else_=null(),
)
STAFFS = (
    FormAssignment.state_reason,
    FormAssignment.account_id.label("for_account_id"),
    _recurrence.label("recurrence"),
    FormAssignment.assigned_by,
    FormAssignment.submitted_by,
)
CONTENT = (FormVersion.description, FormVersion.definition, FormAssignment.answers, FormAssignment.score)
_this = FormAssignment.id == bindparam("form_assignment_id")
_account = bindparam("account_id", type_=PGUUID(as_uuid=True))
_mine = bindparam("mine", type_=ARRAY(PGUUID(as_uuid=True)))
_by_staff = exists().where(Account.id == FormAssignment.state_changed_by, Account.kind == ActorKind.STAFF)
_told_reason = case(
    (or_(FormAssignment.state_changed_by == _account, _by_staff), FormAssignment.state_reason), else_=null()
).label("state_reason")
"""What one of those who act for a client gave as a reason is told to nobody else of them (F6.M3)."""


async def page(reader: Reader, principal: Principal, client_id: UUID, filters: FormAssignmentFilters) -> dict[str, Any]:
    """What a client was given, newest first. Raises NotFound for a client that the caller does not see."""
    await clients.must_see(reader, principal, client_id)
    pager = Pager(reader, principal, f"clients/{client_id}/form-assignments", filters, "id")
    read = _of_client(
        filters.state,
        kind=filters.kind is not None,
        template=filters.form_template_id is not None,
        resumed=pager.position is not None,
    )
    rows = await reader.rows(
        read,
        client_id=client_id,
        kind=filters.kind,
        form_template_id=filters.form_template_id,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    answer = pager.envelope([listed(row) for row in rows])
    audit.viewed(reader, principal, "forms.listed", [client_id] if rows else [])
    return answer


async def get(source: Source, principal: Principal, form_assignment_id: UUID) -> dict[str, Any]:
    """One assignment of a client that the caller sees, with its answers. Raises NotFound."""
    row = await source.row(
        _one(of_clients.sees_all(principal)), form_assignment_id=form_assignment_id, staff_id=principal.staff_id
    )
    if row is None:
        raise NotFound
    if isinstance(source, Reader):
        audit.viewed(source, principal, "form.viewed", [row["client_id"]])
    return _whole(row)


async def page_mine(reader: Reader, principal: Principal, filters: MyFormFilters) -> dict[str, Any]:
    """What the caller may fill in, sign or look back at, newest first. Raises NotFound, Forbidden."""
    pager = Pager(reader, principal, "me/forms", filters, "id")
    read = _many_mine(filters.state, kind=filters.kind is not None, resumed=pager.position is not None)
    rows = await reader.rows(
        read,
        mine=_ids_of(_seen(principal, filters.client_id)),
        account_id=principal.account_id,
        kind=filters.kind,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    return pager.envelope([listed(row) for row in rows])


async def get_mine(source: Source, principal: Principal, form_assignment_id: UUID) -> dict[str, Any]:
    """One form of theirs with what was answered so far. Raises NotFound."""
    row = await source.row(
        _one_mine(),
        form_assignment_id=form_assignment_id,
        mine=_ids_of(profile for profile in principal.profiles if _sees_forms(profile)),
        account_id=principal.account_id,
    )
    if row is None:
        raise NotFound
    return crisis.shown(_whole(row))


async def held(session: Session, principal: Principal, form_assignment_id: UUID) -> tuple[FormAssignment, FormVersion]:
    """The assignment, held for a change by staff, and its version. Raises NotFound."""
    statement = of_clients.visible(
        select(FormAssignment, FormVersion)
        .join(FormVersion, FormVersion.id == FormAssignment.form_version_id)
        .join(Client, Client.id == FormAssignment.client_id)
        .where(_this),
        of_clients.sees_all(principal),
    )
    given = {"form_assignment_id": form_assignment_id, "staff_id": principal.staff_id}
    return await _held(session, statement, given)


async def held_by_client(
    session: Session,
    principal: Principal,
    form_assignment_id: UUID,
    client_id: UUID | None,
    permission: GrantPermission = COMPLETE,
) -> tuple[FormAssignment, FormVersion]:
    """The assignment, held for a change by somebody who acts for its client, and its version.

    client_id: as the caller named it, if they did. Raises NotFound, Forbidden where they see it and no more.
    """
    seen = [principal.profile(client_id)] if client_id is not None else principal.profiles
    seen = [profile for profile in seen if _sees_forms(profile)]
    statement = (
        select(FormAssignment, FormVersion)
        .join(FormVersion, FormVersion.id == FormAssignment.form_version_id)
        .where(_this, FormAssignment.client_id == _mine.any_(), addressed_to(_account))
    )
    given = {"form_assignment_id": form_assignment_id, "mine": _ids_of(seen), "account_id": principal.account_id}
    assignment, version = await _held(session, statement, given)
    principal.profile(assignment.client_id, permission)
    return assignment, version


def addressed_to(account_id: Any) -> ColumnElement[bool]:
    """Whether this account sees an assignment of its client: it is for anybody who acts for them, or for this one.

    Two guardians have a copy each, and neither sees the other's (F6.M2, F6.M3).
    """
    return or_(FormAssignment.account_id.is_(None), FormAssignment.account_id == account_id)


async def _held(session: Session, statement: Rows, given: dict[str, Any]) -> tuple[FormAssignment, FormVersion]:
    found = await session.execute(statement.with_for_update(of=FormAssignment), given)
    row = found.one_or_none()
    if row is None:
        raise NotFound
    assignment, version = row
    return assignment, version


def _seen(principal: Principal, client_id: UUID | None) -> Iterable[Profile]:
    """Raises NotFound for a client who is not theirs, Forbidden where they have nothing to do with forms."""
    profiles = (principal.profile(client_id),) if client_id is not None else principal.profiles
    seen = [profile for profile in profiles if _sees_forms(profile)]
    if profiles and not seen:
        raise Forbidden("Forms are not among what you may do for others.")
    return seen


def _sees_forms(profile: Profile) -> bool:
    """Who may sign must be able to read what they sign."""
    return profile.may(COMPLETE) or profile.may(SIGN)


def _ids_of(profiles: Iterable[Profile]) -> list[UUID]:
    return [profile.client_id for profile in profiles]


def listed(row: dict[str, Any]) -> dict[str, Any]:
    """With the names in its title, where it has one."""
    values = row.pop("values")
    return row | {"title": row["title"] and filled(row["title"], values)}


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    """With what is missing, and with the names in its texts."""
    definition, given = FormDefinition.model_validate(row["definition"]), row["answers"]
    row |= {"missing": answers.missing(definition, given), "progress": answers.progress(definition, given)}
    values = row.pop("values")
    return row | rendered({name: row[name] for name in ("title", "description", "definition")}, values)


def rows_of(*columns: Any) -> Rows:
    """As those who act for the client see them."""
    return _rows(_told_reason, *columns)


def _rows(*columns: Any) -> Rows:
    return (
        select(*COLUMNS, *columns)
        .select_from(FormAssignment)
        .join(FormTemplate, FormTemplate.id == FormAssignment.form_template_id)
        .join(FormVersion, FormVersion.id == FormAssignment.form_version_id)
        .join(Practice, Practice.id == bindparam("practice_id"))
    )


def for_staff(*columns: Any) -> Rows:
    """As staff see them."""
    return _rows(*STAFFS, *columns).outerjoin(FormRecurrence, FormRecurrence.id == FormAssignment.recurrence_id)


def _in_state(state: str) -> ColumnElement[bool]:
    return FormAssignment.state_now() == state


@cache
def _one(everyone: bool) -> Read:
    statement = for_staff(*CONTENT).join(Client, Client.id == FormAssignment.client_id).where(_this)
    return Read(of_clients.visible(statement, everyone))


@cache
def _of_client(state: str | None, *, kind: bool, template: bool, resumed: bool) -> Read:
    statement = for_staff().where(FormAssignment.client_id == bindparam("client_id"))
    if template:
        statement = statement.where(FormAssignment.form_template_id == bindparam("form_template_id"))
    return Read(_newest(statement, state, kind=kind, resumed=resumed))


@cache
def _one_mine() -> Read:
    statement = crisis.beside(rows_of(*CONTENT, *crisis.COLUMNS))
    return Read(statement.where(_this, FormAssignment.client_id == _mine.any_(), addressed_to(_account)))


@cache
def _many_mine(state: str | None, *, kind: bool, resumed: bool) -> Read:
    statement = rows_of().where(FormAssignment.client_id == _mine.any_(), addressed_to(_account))
    return Read(_newest(statement, state, kind=kind, resumed=resumed))


def _newest(statement: Rows, state: str | None, *, kind: bool, resumed: bool) -> Rows:
    if state is not None:
        statement = statement.where(_in_state(state))
    if kind:
        statement = statement.where(FormTemplate.kind == bindparam("kind"))
    if resumed:
        statement = statement.where(FormAssignment.id < bindparam("after_id"))
    return statement.order_by(FormAssignment.id.desc()).limit(bindparam("limit"))
