"""Assessments over time: each beside the one before it and the first one, with reliable change (F8.B5)."""

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, any_, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.sql.elements import Over

from portal_api.core.access import GrantPermission, Principal
from portal_api.core.db import Read, Reader, Rows
from portal_api.models.forms import FormAssignment, FormState, FormTemplate, FormVersion
from portal_api.models.portal import PortalSettings
from portal_api.schemas.assessments import AssessmentFilters, MyAssessmentFilters
from portal_api.services import audit, clients
from portal_api.services.forms.reading import addressed_to, listed
from portal_api.services.paging import Pager

_SHOWN = Read(select(PortalSettings.assessment_scores_visible))
_OF_CLIENTS = bindparam("of_clients", type_=ARRAY(PGUUID(as_uuid=True)))
_KEPT_BACK = ("score", "since_previous", "since_first", "reliable_change_points")
_EARLIER = ("id", "submitted_at", "total")


async def page(reader: Reader, principal: Principal, client_id: UUID, filters: AssessmentFilters) -> dict[str, Any]:
    """A client's assessments, newest first. Raises NotFound for a client that the caller does not see."""
    await clients.must_see(reader, principal, client_id)
    pager = Pager(reader, principal, f"assessments/{client_id}", filters, "submitted_at", "form_assignment_id")
    answer = await _page(reader, pager, filters.key, None, client_ids=[client_id])
    audit.viewed(reader, principal, "assessments.listed", [client_id])
    return answer


async def page_mine(reader: Reader, principal: Principal, filters: MyAssessmentFilters) -> dict[str, Any]:
    """The assessments of the caller's clients, as far as the caller may fill in their forms; newest first.

    Without what they came to where the practice keeps that to itself. Raises NotFound, Forbidden.
    """
    profiles = principal.must_be_permitted(GrantPermission.FORMS_COMPLETE, filters.client_id)
    pager = Pager(reader, principal, "my-assessments", filters, "submitted_at", "form_assignment_id")
    theirs = [profile.client_id for profile in profiles]
    answer = await _page(reader, pager, filters.key, principal.account_id, client_ids=theirs)
    settings = await reader.row(_SHOWN)
    if settings is None or not settings["assessment_scores_visible"]:
        answer["data"] = [row | dict.fromkeys(_KEPT_BACK) for row in answer["data"]]
    return answer


async def _page(
    reader: Reader, pager: Pager, key: str | None, account_id: UUID | None, client_ids: list[UUID]
) -> dict[str, Any]:
    at, after = pager.position or (None, None)
    rows = await reader.rows(
        _series(by_key=key is not None, for_account=account_id is not None, resumed=at is not None),
        of_clients=client_ids,
        account_id=account_id,
        key=key,
        after_at=datetime.fromisoformat(at) if at else None,
        after_id=UUID(after) if after else None,
        limit=pager.limit + 1,
    )
    return pager.envelope([_shaped(row) for row in rows])


def _shaped(row: dict[str, Any]) -> dict[str, Any]:
    row = listed(row)
    points = row.pop("points")
    previous, first = (_difference(row, which, points) for which in ("previous", "first"))
    return row | {"since_previous": previous, "since_first": first, "reliable_change_points": points}


def _difference(row: dict[str, Any], which: str, points: int | None) -> dict[str, Any] | None:
    """From an earlier one, if there is one; None also where either has no total."""
    id, at, total = (row.pop(f"{which}_{name}") for name in _EARLIER)
    now = row["score"]["total"]
    if id is None or id == row["form_assignment_id"] or total is None or now is None:
        return None
    difference = now - total
    return {
        "form_assignment_id": id,
        "submitted_at": at,
        "total": total,
        "difference": difference,
        "reliable": _reliable(difference, points),
    }


def _reliable(difference: float, points: int | None) -> str | None:
    """Every instrument of the library counts symptoms: less is better."""
    if points is None:
        return None
    if abs(difference) < points:
        return "none"
    return "worsened" if difference > 0 else "improved"


@cache
def _series(*, by_key: bool, for_account: bool, resumed: bool) -> Read:
    """One row an assessment, beside it the one before and the first of the same client, form and rule.

    for_account: whatever is kept for somebody else to fill in is left out.
    """
    all_of_it = _handed_in(by_key=by_key, for_account=for_account).subquery()
    position = tuple_(all_of_it.c.submitted_at, all_of_it.c.form_assignment_id)
    statement = select(all_of_it)
    if resumed:
        statement = statement.where(position < tuple_(bindparam("after_at"), bindparam("after_id")))
    newest_first = all_of_it.c.submitted_at.desc(), all_of_it.c.form_assignment_id.desc()
    return Read(statement.order_by(*newest_first).limit(bindparam("limit")))


def _handed_in(*, by_key: bool, for_account: bool) -> Rows:
    own = FormAssignment
    total = own.score["total"]
    values = {"id": own.id, "submitted_at": own.submitted_at, "total": total}
    statement = (
        select(
            own.id.label("form_assignment_id"),
            own.client_id,
            own.form_template_id,
            FormTemplate.key,
            FormVersion.title,
            own.values,
            own.submitted_at,
            own.score,
            FormVersion.scoring["reliable_change"]["points"].label("points"),
            *(_over(func.lag(value)).label(f"previous_{name}") for name, value in values.items()),
            *(_over(func.first_value(value)).label(f"first_{name}") for name, value in values.items()),
        )
        .join(FormTemplate, FormTemplate.id == own.form_template_id)
        .join(FormVersion, FormVersion.id == own.form_version_id)
        .where(
            own.client_id == any_(_OF_CLIENTS),
            own.score.is_not(None),
            own.state.in_((FormState.SUBMITTED, FormState.LOCKED)),
        )
    )
    if by_key:
        statement = statement.where(FormTemplate.key == bindparam("key"))
    if for_account:
        statement = statement.where(addressed_to(bindparam("account_id")))
    return statement


def _over(value: Any) -> Over[Any]:
    own = FormAssignment
    return value.over(
        partition_by=(own.client_id, own.form_template_id, own.score["method_version"]),
        order_by=(own.submitted_at, own.id),
    )
