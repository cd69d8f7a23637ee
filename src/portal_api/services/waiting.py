"""What waits for whoever acts for clients: steps to do, forms to fill in, papers to sign, times to answer."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Date, Text, and_, bindparam, cast, false, func, literal, null, or_, select, union_all
from sqlalchemy.dialects.postgresql import JSONB

from portal_api.core.access import GrantPermission, Principal, Profile
from portal_api.core.db import Read, Reader
from portal_api.core.db.base import UUIDS
from portal_api.models.documents import Document
from portal_api.models.forms import (
    OF_CLIENT,
    OF_PRACTICE,
    OPEN_STATES,
    FormAssignment,
    FormState,
    FormVersion,
    SignerRole,
)
from portal_api.models.onboarding import ClientOnboarding
from portal_api.models.practices import Practice
from portal_api.models.scheduling import AppointmentRequest
from portal_api.models.signatures import Party, RequestState, Signature, SignatureRequest, SignedPaper, SubjectKind
from portal_api.models.treatment_plans import RevisionState, TreatmentPlan, TreatmentPlanRevision
from portal_api.services.documents.reading import is_shown
from portal_api.services.forms.reading import addressed_to, listed
from portal_api.services.onboarding.standing import PERMISSIONS
from portal_api.services.signatures import custody, turns

MOST = 50
_account = bindparam("account_id")


def _of(name: str) -> Any:
    """The clients for whom the caller may do this."""
    return bindparam(name, type_=UUIDS).any_()


_UNTITLED = {
    "title": null().cast(Text),
    "values": null().cast(JSONB),
    "due_on": null().cast(Date),
    "if_all_guardians": false(),
    "asked": null().cast(JSONB),
}


def _item(kind: str, row: Any, id: Any, since: Any, **told: Any) -> Any:
    """if_all_guardians: whether it waits for the caller only where custody has every guardian sign.

    asked: of a paper whose signatures are given by turns, whom it asks.
    """
    return select(
        literal(kind).cast(Text).label("kind"),
        row.client_id.label("client_id"),
        id.label("id"),
        since.label("since"),
        *(value.label(name) for name, value in (_UNTITLED | told).items()),
    )


def _form(kind: str, **told: Any) -> Any:
    titled = {"title": FormVersion.title, "values": FormAssignment.values, "due_on": FormAssignment.due_on}
    form = _item(kind, FormAssignment, FormAssignment.id, FormAssignment.created_at, **titled, **told)
    return form.join(FormVersion, FormVersion.id == FormAssignment.form_version_id)


def _has_role(role: SignerRole) -> Any:
    return FormAssignment.signers.contains(literal([{"role": role.value}], JSONB))


def _signed(*conditions: Any) -> Any:
    return (
        select(Signature.id)
        .join(SignatureRequest, SignatureRequest.id == Signature.request_id)
        .where(
            SignatureRequest.subject_id == FormAssignment.id,
            SignatureRequest.state.in_((RequestState.OPEN, RequestState.COMPLETE)),
            *conditions,
        )
        .correlate(FormAssignment)
        .exists()
    )


_onboarding = _item("onboarding", ClientOnboarding, ClientOnboarding.client_id, ClientOnboarding.created_at).where(
    ClientOnboarding.client_id == _of("onboarding"), ClientOnboarding.completed_at.is_(None)
)
_forms = _form("form").where(
    FormAssignment.client_id == _of("completing"),
    FormAssignment.state_now().in_(OPEN_STATES),
    addressed_to(_account),
)
_by_ours = _signed(Signature.party.in_((Party.CLIENT, Party.GUARDIAN)))
_by_staff = or_(*map(_has_role, OF_PRACTICE))
_each = _has_role(SignerRole.GUARDIAN_EACH)
_signatures = _form("signature", if_all_guardians=and_(_by_ours, _by_staff, ~_each)).where(
    FormAssignment.client_id == _of("signing"),
    FormAssignment.state == FormState.SUBMITTED,
    or_(*map(_has_role, OF_CLIENT)),
    addressed_to(_account),
    ~_signed(Signature.account_id == _account),
    # What one of them has signed and is not closed waits for another guardian, or for staff.
    or_(_each, ~_by_ours, FormAssignment.client_id == _of("acting")),
)
_offers = _item("counter_offer", AppointmentRequest, AppointmentRequest.id, AppointmentRequest.updated_at).where(
    AppointmentRequest.client_id == _of("booking"),
    AppointmentRequest.state == "requested",
    AppointmentRequest.offered_starts_at.is_not(None),
    AppointmentRequest.expires_at > func.now(),
)


def _paper(kind: str, row: Any, confidential: Any) -> Any:
    """One whose signatures are asked for. An end is the midnight after the last day, in the practice's zone."""
    zone = select(Practice.time_zone).where(Practice.id == bindparam("practice_id")).scalar_subquery()
    last_day = cast(func.timezone(zone, SignatureRequest.expires_at) - timedelta(days=1), Date)
    told = {"title": SignedPaper.title, "due_on": last_day, "asked": turns.asked(confidential)}
    item = _item(kind, row, row.id, SignatureRequest.created_at, **told).select_from(SignatureRequest)
    return item.join(SignedPaper, SignedPaper.id == SignatureRequest.paper_id).where(
        row.client_id == _of("signing"), SignatureRequest.state_now() == RequestState.OPEN
    )


def _asks_for(kind: SubjectKind, subject: Any) -> Any:
    return and_(SignatureRequest.subject_kind == kind, SignatureRequest.subject_id == subject.id)


_documents = (
    _paper("document_signature", Document, Document.confidential)
    .join(Document, _asks_for(SubjectKind.DOCUMENT, Document))
    .where(is_shown())
)
_plans = (
    _paper("treatment_plan_signature", TreatmentPlan, TreatmentPlan.confidential)
    .join(TreatmentPlanRevision, _asks_for(SubjectKind.TREATMENT_PLAN, TreatmentPlanRevision))
    .join(TreatmentPlan, TreatmentPlan.id == TreatmentPlanRevision.plan_id)
    .where(TreatmentPlanRevision.state == RevisionState.SHARED)
)
_all = union_all(_onboarding, _forms, _signatures, _offers, _documents, _plans).subquery()
WAITING = Read(select(*_all.c).order_by(_all.c.due_on.nulls_last(), _all.c.since, _all.c.id).limit(MOST))


async def of(reader: Reader, principal: Principal, profiles: tuple[Profile, ...]) -> list[dict[str, Any]]:
    """What waits for the caller about these clients: what is due first, at most fifty."""
    acting = [profile.client_id for profile in profiles if not profile.is_own]

    def permitted(*permissions: GrantPermission) -> list[Any]:
        return [profile.client_id for profile in profiles if any(map(profile.may, permissions))]

    rows = await reader.rows(
        WAITING,
        account_id=principal.account_id,
        practice_id=principal.practice_id,
        onboarding=permitted(*PERMISSIONS.values()),
        completing=permitted(GrantPermission.FORMS_COMPLETE),
        signing=permitted(GrantPermission.FORMS_SIGN),
        acting=acting,
        viewing=permitted(GrantPermission.DOCUMENTS_VIEW),
        booking=permitted(GrantPermission.APPOINTMENTS_BOOK),
    )
    unsure = {row["client_id"] for row in rows if row["if_all_guardians"]}
    every = await custody.where_all_guardians_sign(reader, unsure) if unsure else frozenset()
    papers = [row for row in rows if row["asked"] is not None]
    turn = dict(zip((row["id"] for row in papers), await turns.of(reader, principal, papers), strict=True))
    return [
        listed(row)
        for row in rows
        if not (row.pop("if_all_guardians") and row["client_id"] not in every)
        and not (row.pop("asked") and not turn[row["id"]])
    ]
