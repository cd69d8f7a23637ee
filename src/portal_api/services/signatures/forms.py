"""Signing forms: handed in, signed by everybody who is asked, then locked (F8.M3, F8.M5, F8.B2)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from portal_api.core import clock
from portal_api.core.access import GrantPermission, Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import Conflict, NotFound
from portal_api.models.clients import Client
from portal_api.models.forms import (
    OF_CLIENT,
    OF_PRACTICE,
    OPEN_STATES,
    FormAssignment,
    FormState,
    FormTemplate,
    FormVersion,
    SignerRole,
)
from portal_api.models.practices import Practice
from portal_api.models.signatures import SubjectKind
from portal_api.schemas.forms.mine import MyFormWithdrawal
from portal_api.schemas.signatures import MyDecline, MySign, Sign
from portal_api.services import audit, forms
from portal_api.services.documents.opening import Content
from portal_api.services.forms import reading as of_forms
from portal_api.services.forms.rendering import filled
from portal_api.services.forms.submitting import complete
from portal_api.services.signatures import copies, deciding, reading, signing
from portal_api.services.signatures.form_papers import paper_of
from portal_api.services.signatures.parties import Signer, Wanted
from portal_api.services.signatures.people import client_as, staff_as
from portal_api.services.signatures.subjects import Rendition, Subject

SIGN = GrantPermission.FORMS_SIGN
FORM = Read(
    select(
        FormAssignment.id,
        FormAssignment.client_id,
        FormAssignment.account_id,
        FormAssignment.state_now().label("state"),
        FormAssignment.signers,
        FormAssignment.values,
        FormAssignment.answers,
        FormAssignment.confidential,
        FormVersion.id.label("version_id"),
        FormVersion.number,
        FormVersion.title,
        FormVersion.description,
        FormVersion.definition,
        func.encode(FormVersion.sha256, "hex").label("version_sha256"),
        FormTemplate.kind,
        Practice.name.label("practice_name"),
        Practice.country.label("practice_country"),
        func.concat_ws(" ", Client.given_name, Client.family_name).label("client_name"),
    )
    .join(FormVersion, FormVersion.id == FormAssignment.form_version_id)
    .join(FormTemplate, FormTemplate.id == FormAssignment.form_template_id)
    .join(Client, Client.id == FormAssignment.client_id)
    .join(Practice, Practice.id == bindparam("practice_id"))
    .where(FormAssignment.id == bindparam("form_assignment_id"))
)


class NothingToSign(Conflict):
    code, title = "nothing_to_sign", "This form asks for no signature"


async def view_mine(source: Source, principal: Principal, form_assignment_id: UUID) -> dict[str, Any]:
    """What the caller would sign, or has signed. Raises NotFound."""
    await of_forms.get_mine(source, principal, form_assignment_id)
    subject = await _subject(source, form_assignment_id)
    return await reading.view(source, principal, subject, client_as(principal, subject.client_id))


async def view(source: Source, principal: Principal, form_assignment_id: UUID) -> dict[str, Any]:
    """The same for staff, with everybody's names. Raises NotFound."""
    await of_forms.get(source, principal, form_assignment_id)
    subject = await _subject(source, form_assignment_id)
    return await reading.view(source, principal, subject, await staff_as(source, principal, subject.client_id))


async def sign_mine(session: Session, principal: Principal, form_assignment_id: UUID, data: MySign) -> dict[str, Any]:
    """The client, or who acts for them, signs. What is complete is handed in with it: that adds no answer.

    Raises NotFound, Forbidden, NothingToSign, Invalid naming what is missing, InvalidState, and what `signing.sign`
    raises.
    """
    assignment, version = await of_forms.held_by_client(session, principal, form_assignment_id, data.client_id, SIGN)
    if assignment.state_at(await clock.now(session)) in OPEN_STATES and assignment.signers:
        await complete(session, principal, assignment, version, signing=True)
    await _sign(session, principal, assignment, client_as(principal, assignment.client_id), data)
    return await view_mine(session, principal, form_assignment_id)


async def sign(session: Session, principal: Principal, form_assignment_id: UUID, data: Sign) -> dict[str, Any]:
    """The practitioner or the supervisor signs what was handed in. Raises as `sign_mine` does."""
    assignment, _ = await of_forms.held(session, principal, form_assignment_id)
    candidates = await staff_as(session, principal, assignment.client_id)
    await _sign(session, principal, assignment, candidates, data)
    return await view(session, principal, form_assignment_id)


async def decline(
    session: Session, principal: Principal, form_assignment_id: UUID, data: MyDecline | None
) -> dict[str, Any]:
    """Refuse to sign, with a reason or without; nobody else signs it then (F8.M6).

    Raises NotFound, Forbidden, NothingToSign, NotAskedToSign, AlreadySigned, InvalidState.
    """
    client_id, reason = (data.client_id, data.reason) if data else (None, None)
    assignment, _ = await of_forms.held_by_client(session, principal, form_assignment_id, client_id, SIGN)
    _must_be_for_signing(assignment)
    subject = await _subject(session, assignment.id)
    candidates = client_as(principal, assignment.client_id)
    assignment.decline(await clock.instant(session), principal.account_id, reason)
    await deciding.decline(session, principal, subject, candidates, reason)
    await _record(session, principal, assignment, "form.declined")
    return await view_mine(session, principal, form_assignment_id)


async def withdraw_consent(
    session: Session, principal: Principal, form_assignment_id: UUID, data: MyFormWithdrawal | None
) -> dict[str, Any]:
    """Take back a consent from now on; what was signed stays on file (F8.M6).

    Raises NotFound, Forbidden, InvalidState for what is no consent or was not given.
    """
    form = await forms.withdraw_consent(session, principal, form_assignment_id, data)
    subject = await _subject(session, form_assignment_id)
    candidates = client_as(principal, subject.client_id)
    await deciding.withdraw_consent(session, principal, subject, candidates, data.reason if data else None)
    return form


async def open_my_copy(session: Session, principal: Principal, form_assignment_id: UUID) -> Content:
    """The signed form, of a guardian their own copy. Raises NotFound, NotSigned."""
    await of_forms.get_mine(session, principal, form_assignment_id)
    return await copies.open_copy(session, principal, SubjectKind.FORM_ASSIGNMENT, form_assignment_id)


async def open_copy(session: Session, principal: Principal, form_assignment_id: UUID) -> Content:
    """The practice's copy. Raises NotFound, NotSigned."""
    await of_forms.get(session, principal, form_assignment_id)
    return await copies.open_copy(session, principal, SubjectKind.FORM_ASSIGNMENT, form_assignment_id)


async def _sign(
    session: Session, principal: Principal, assignment: FormAssignment, candidates: list[Signer], data: Sign
) -> None:
    _must_be_for_signing(assignment)
    assignment.sign(await clock.instant(session))
    await session.flush()
    subject = await _subject(session, assignment.id)
    standing = await signing.sign(session, principal, subject, candidates, data)
    if not standing.is_complete:
        if turn := reading.turn(standing):
            await _record(session, principal, assignment, f"form.{turn[0]}", turn[1])
        return
    assignment.lock(await clock.instant(session), principal.account_id)
    await _record(session, principal, assignment, "form.signed")


def _must_be_for_signing(assignment: FormAssignment) -> None:
    if not assignment.signers:
        raise NothingToSign("Hand it in: that is all it needs.")


async def _subject(source: Source, form_assignment_id: UUID) -> Subject:
    row = await source.row(FORM, form_assignment_id=form_assignment_id)
    if row is None:
        raise NotFound
    paper = paper_of(row)
    return Subject(
        kind=SubjectKind.FORM_ASSIGNMENT,
        id=row["id"],
        client_id=row["client_id"],
        client_name=row["client_name"],
        version_id=row["version_id"],
        title=paper.title if paper else filled(row["title"], row["values"]),
        state=row["state"],
        wanted=_wanted([SignerRole(one["role"]) for one in row["signers"]], row["account_id"]),
        rendition=Rendition.of(paper) if paper else None,
        takes_signatures=row["state"] in (*OPEN_STATES, FormState.SUBMITTED),
        confidential=row["confidential"],
        for_one=row["account_id"] is not None,
    )


def _wanted(roles: list[SignerRole], account_id: UUID | None) -> tuple[Wanted, ...]:
    """A form for one person is signed, in the client's place, by this one: once, whatever they are named as."""
    if account_id is None:
        return tuple(map(Wanted, roles))
    first = next((role for role in roles if role in OF_CLIENT), None)
    return tuple(
        Wanted(role, account_id if role is first else None) for role in roles if role is first or role in OF_PRACTICE
    )


async def _record(
    session: Session,
    principal: Principal,
    assignment: FormAssignment,
    event: str,
    details: dict[str, Any] | None = None,
) -> None:
    await session.flush()
    about = {"resource": ("form_assignment", assignment.id), "clients": [assignment.client_id]}
    await audit.record(session, principal, event, **about, details=details)
