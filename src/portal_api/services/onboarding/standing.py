"""How far a client has come: each step's state, worked out by the server from where its answer is kept (F7.M2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, func, select

from portal_api.core.access import SELF, GrantPermission, Profile
from portal_api.core.db import Read, Source
from portal_api.core.errors import NotFound
from portal_api.models.clients import Client, ClientGrant
from portal_api.models.documents import READABLE, Document, FileState, StoredFile
from portal_api.models.forms import OF_PRACTICE, FormAssignment, FormState
from portal_api.models.insurance import InsurancePolicy
from portal_api.models.onboarding import FORM_KINDS, INFORMATION_KINDS, ClientOnboarding, OnboardingStep
from portal_api.models.signatures import Party, RequestState, Signature, SignatureRequest, SubjectKind
from portal_api.services.client_information import charts
from portal_api.services.client_information.charts import Seen

PERMISSIONS = {
    **dict.fromkeys(("profile", "demographics", "contact", "preferences"), GrantPermission.DEMOGRAPHICS_EDIT),
    **dict.fromkeys((*FORM_KINDS, "statement"), GrantPermission.FORMS_COMPLETE),
    "insurance": GrantPermission.INSURANCE_ADD,
    "document": GrantPermission.DOCUMENTS_VIEW,
    "upload": GrantPermission.DOCUMENTS_UPLOAD,
}
"""What it takes to fill in a step of this kind for somebody else."""
BEHIND_ONE = ("done", "skipped", "waiting")
TO_DO = ("open", "in_progress")
UNDER_WAY = (*READABLE, FileState.UPLOADING, FileState.SCANNING)

_grants = (
    select(
        func.jsonb_agg(
            func.jsonb_build_object(
                "relationship", ClientGrant.relationship, "permissions", ClientGrant.permissions_now()
            )
        )
    )
    .where(ClientGrant.client_id == Client.id, ClientGrant.is_live())
    .correlate(Client)
    .scalar_subquery()
)
_has_policy = (
    exists()
    .where(InsurancePolicy.client_id == Client.id, InsurancePolicy.state.in_(("unreviewed", "accepted")))
    .correlate(Client)
)
HEAD = Read(
    select(
        Client.id.label("client_id"),
        ClientOnboarding.state,
        ClientOnboarding.source,
        ClientOnboarding.audience,
        ClientOnboarding.created_at.label("given_at"),
        ClientOnboarding.started_at,
        ClientOnboarding.completed_at,
        ClientOnboarding.completed_by,
        ClientOnboarding.version,
        _grants.label("grants"),
        _has_policy.label("has_policy"),
    )
    .select_from(Client)
    .outerjoin(ClientOnboarding, ClientOnboarding.client_id == Client.id)
    .where(Client.id == bindparam("client_id"))
)


def _signed(*conditions: Any) -> Any:
    """Whether there is such a signature on the step's form."""
    return (
        select(Signature.id)
        .join(SignatureRequest, SignatureRequest.id == Signature.request_id)
        .where(
            SignatureRequest.subject_kind == SubjectKind.FORM_ASSIGNMENT,
            SignatureRequest.subject_id == OnboardingStep.form_assignment_id,
            SignatureRequest.state.in_((RequestState.OPEN, RequestState.COMPLETE)),
            *conditions,
        )
        .correlate(OnboardingStep)
        .exists()
    )


STEPS = Read(
    select(
        OnboardingStep.key,
        OnboardingStep.kind,
        OnboardingStep.title,
        OnboardingStep.text,
        OnboardingStep.required,
        OnboardingStep.skippable,
        OnboardingStep.filled_in_by,
        OnboardingStep.fields,
        OnboardingStep.form_assignment_id,
        OnboardingStep.practice_document_id,
        OnboardingStep.document_id,
        OnboardingStep.saved_at,
        OnboardingStep.saved_by,
        OnboardingStep.acknowledged_at,
        OnboardingStep.skipped_at,
        OnboardingStep.skipped_by,
        OnboardingStep.skipped_by_staff,
        FormAssignment.state_now().label("form_state"),
        FormAssignment.signers,
        FormAssignment.signed_at,
        FormAssignment.account_id.label("addressed_to"),
        _signed(Signature.account_id == bindparam("account_id")).label("caller_signed"),
        _signed(Signature.party.in_((Party.CLIENT, Party.GUARDIAN))).label("client_signed"),
        StoredFile.state.label("file_state"),
    )
    .outerjoin(FormAssignment, FormAssignment.id == OnboardingStep.form_assignment_id)
    .outerjoin(Document, (Document.id == OnboardingStep.document_id) & Document.withdrawn_at.is_(None))
    .outerjoin(StoredFile, StoredFile.id == Document.file_id)
    .where(OnboardingStep.client_id == bindparam("client_id"))
    .order_by(OnboardingStep.position, OnboardingStep.created_at, OnboardingStep.key)
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One client's onboarding at this moment. Each step has its `state` and what is `missing`."""

    head: dict[str, Any]
    steps: list[dict[str, Any]]
    chart: Seen

    @property
    def state(self) -> str:
        return self.head["state"] or "not_given"

    @property
    def version(self) -> int:
        """Grows with whatever the caller's copy shows."""
        return int(self.head["version"] or 0) + self.chart.version

    def of(self, profile: Profile, account_id: UUID | None) -> list[dict[str, Any]]:
        """The steps that this caller may fill in."""
        return [step for step in self.steps if _is_for(step, profile, account_id)]

    def left(self) -> list[dict[str, Any]]:
        """What is needed and not done, by somebody who is there to do it: a step for nobody stands in nobody's way."""
        return [
            step
            for step in self.steps
            if step["required"] and step["state"] not in ("done", "skipped") and self._somebody_can(step)
        ]

    def _somebody_can(self, step: dict[str, Any]) -> bool:
        permission = PERMISSIONS[step["kind"]]
        for grant in self.head["grants"] or ():
            own = grant["relationship"] == SELF
            fits = step["filled_in_by"] in (None, "self" if own else "guardian")
            if fits and (own or permission in (grant["permissions"] or ())):
                return True
        return False


async def read(source: Source, profile: Profile, account_id: UUID | None) -> Standing:
    """Where the profile's client stands. Raises NotFound."""
    head = await source.row(HEAD, client_id=profile.client_id)
    if head is None:
        raise NotFound
    steps = await source.rows(STEPS, client_id=profile.client_id, account_id=account_id)
    chart = await charts.seen(source, profile, account_id)
    # A form that is kept from the caller is no step of theirs, and tells them nothing.
    known = [step for step in steps if step["form_assignment_id"] is None or step["form_state"] is not None]
    return Standing(head, [_judged(step, chart, head["has_policy"]) for step in known], chart)


def per_cent(steps: Sequence[dict[str, Any]], *, completed: bool) -> int:
    """How many of the steps lie behind one; all of them once it is completed."""
    if completed or not steps:
        return 100
    return 100 * sum(step["state"] in BEHIND_ONE for step in steps) // len(steps)


def _is_for(step: dict[str, Any], profile: Profile, account_id: UUID | None) -> bool:
    fits = step["filled_in_by"] in (None, "self" if profile.is_own else "guardian")
    addressed = step["addressed_to"] in (None, account_id)
    return fits and addressed and profile.may(PERMISSIONS[step["kind"]])


def _judged(step: dict[str, Any], chart: Seen, has_policy: bool) -> dict[str, Any]:
    state, missing = _outcome(step, chart, has_policy)
    return step | {"state": "skipped" if step["skipped_at"] else state, "missing": missing}


def _outcome(step: dict[str, Any], chart: Seen, has_policy: bool) -> tuple[str, list[str]]:
    match step["kind"]:
        case kind if kind in INFORMATION_KINDS:
            return _of_information(step, chart, has_policy)
        case kind if kind in FORM_KINDS:
            return _of_form(step)
        case "upload":
            return ("done", []) if step["file_state"] in UNDER_WAY else ("open", ["document"])
        case _:
            return ("done", []) if step["acknowledged_at"] else ("open", ["acknowledged"])


def _of_information(step: dict[str, Any], chart: Seen, has_policy: bool) -> tuple[str, list[str]]:
    """Done once it was saved and nothing that is required is missing; of insurance, once there is a policy or none."""
    missing = chart.missing(field["name"] for field in step["fields"] if field["required"])
    seen = step["saved_at"] is not None
    if step["kind"] == "insurance":
        settled = has_policy or chart.values["self_pay"] is True
        missing, seen = missing if settled else [*missing, "policy"], seen or settled
    if not seen:
        return "open", missing
    return ("in_progress", missing) if missing else ("done", [])


def _of_form(step: dict[str, Any]) -> tuple[str, list[str]]:
    match step["form_state"]:
        case FormState.ASSIGNED:
            return "open", ["answers"]
        case FormState.IN_PROGRESS:
            return "in_progress", ["answers"]
        case FormState.SUBMITTED:
            return _of_signing(step)
        case FormState.LOCKED:
            return "done", []
        case FormState.WITHDRAWN:  # by staff it is not wanted any more, by who has signed it is a consent taken back
            return ("declined", []) if step["signed_at"] else ("skipped", [])
        case other:
            return str(other), ["answers"]


def _of_signing(step: dict[str, Any]) -> tuple[str, list[str]]:
    """What only staff have left to sign is done for the client."""
    roles = [signer["role"] for signer in step["signers"]]
    if not roles:
        return "done", []
    if all(role in OF_PRACTICE for role in roles):
        return "done", []
    staff_left = "guardian:each" not in roles and any(role in OF_PRACTICE for role in roles)
    if step["client_signed"] and staff_left:
        return "done", []
    return ("waiting", []) if step["caller_signed"] else ("in_progress", ["signature"])
