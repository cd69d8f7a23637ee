"""How far a subject is, and what a caller is shown of it before and after signing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import SELF, GrantPermission, Principal
from portal_api.core.db import Read, Row, Session, Source
from portal_api.core.db.base import UUIDS
from portal_api.models.clients import ClientGrant
from portal_api.models.signatures import (
    Party,
    RequestState,
    Signature,
    SignatureDecision,
    SignatureRequest,
    SignedPaper,
    SubjectKind,
)
from portal_api.services.signatures import custody, words
from portal_api.services.signatures.parties import Given, Signer, Standing, standing
from portal_api.services.signatures.subjects import Rendition, Subject

GONE = (RequestState.SUPERSEDED, RequestState.CANCELLED, RequestState.EXPIRED)
_this = (
    SignatureRequest.subject_kind == bindparam("kind"),
    SignatureRequest.subject_id == bindparam("subject_id"),
    SignatureRequest.state.not_in(GONE),
)
REQUEST = Read(
    select(
        SignatureRequest.id,
        SignatureRequest.state_now().label("state"),
        SignatureRequest.signers,
        SignatureRequest.in_order,
        SignatureRequest.expires_at,
        SignatureRequest.ended_at,
        SignedPaper.id.label("paper_id"),
        SignedPaper.title,
        SignedPaper.media_type,
        SignedPaper.sha256,
        SignedPaper.content,
        SignedPaper.paper,
    )
    .join(SignedPaper, SignedPaper.id == SignatureRequest.paper_id)
    .where(*_this)
)
SIGNATURES = Read(
    select(Signature.account_id, Signature.party, Signature.capacity, Signature.printed_name, Signature.signed_at)
    .where(Signature.request_id == bindparam("request_id"))
    .order_by(Signature.signed_at, Signature.id)
)
DECISIONS = Read(
    select(
        SignatureDecision.kind,
        SignatureDecision.account_id,
        SignatureDecision.capacity,
        SignatureDecision.reason,
        SignatureDecision.decided_at,
    )
    .where(SignatureDecision.subject_kind == bindparam("kind"), SignatureDecision.subject_id == bindparam("subject_id"))
    .order_by(SignatureDecision.id)
)
STAFF = (Party.PRACTITIONER, Party.SUPERVISOR)
GUARDIANS = Read(
    select(ClientGrant.client_id, ClientGrant.account_id)
    .where(
        ClientGrant.client_id == bindparam("whose", type_=UUIDS).any_(),
        ClientGrant.relationship != SELF,
        ClientGrant.is_live(),
        ClientGrant.allows(GrantPermission.FORMS_SIGN),
    )
    .order_by(ClientGrant.id)
)


@dataclass(frozen=True, slots=True)
class Standings:
    """The request for signatures, if there is one, with what was given, and who is wanted."""

    request: Row | None
    signatures: Sequence[Row]
    decisions: Sequence[Row]
    wanted: Callable[[Sequence[Given]], Standing]

    @property
    def given(self) -> list[Given]:
        return [Given(row["account_id"], Party(row["party"]), row["capacity"]) for row in self.signatures]

    @property
    def standing(self) -> Standing:
        return self.wanted(self.given)

    def with_one_more(self, signer: Signer) -> Standing:
        """How it stands once this person has signed too."""
        return self.wanted([*self.given, Given(signer.account_id, signer.party, signer.capacity)])


async def standings(source: Source, subject: Subject) -> Standings:
    request = await source.row(REQUEST, kind=subject.kind, subject_id=subject.id)
    signatures = await source.rows(SIGNATURES, request_id=request["id"]) if request else []
    decisions = await source.rows(DECISIONS, kind=subject.kind, subject_id=subject.id)
    guardians = await source.rows(GUARDIANS, whose=[subject.client_id])
    wanted = partial(
        standing,
        subject.wanted,
        [row["account_id"] for row in guardians if not subject.confidential],
        all_guardians=bool(guardians) and bool(await custody.where_all_guardians_sign(source, [subject.client_id])),
        in_order=subject.in_order,
    )
    return Standings(request, signatures, decisions, wanted)


async def next_is_staff(source: Source, subject: Subject) -> bool:
    """Whether those in the practice are to sign before the client, or who acts for them, does."""
    found = await standings(source, subject)
    first = found.standing.next_slot
    return first is not None and first.party in STAFF


def turn(standing: Standing) -> tuple[str, dict[str, Any]] | None:
    """What is told of whose turn it is, the end of an event's name and its details; None where they were told before.

    Guardians who sign beside each other were told together: another notice would tell one that another has signed.
    """
    first = standing.next_slot
    begun = {slot.position for slot, given in standing.slots if given is not None}
    if first is None or not standing.in_order or first.position in begun:
        return None
    if first.party in STAFF:
        return "awaits_cosignature", {"party": first.party}
    return "awaits_signature", {} if first.by_guardians else {"party": first.party}


async def held_request(session: Session, kind: SubjectKind, subject_id: UUID) -> SignatureRequest | None:
    """The subject's request, held for a change, if there is one that counts."""
    this = select(SignatureRequest).where(
        SignatureRequest.subject_kind == kind,
        SignatureRequest.subject_id == subject_id,
        SignatureRequest.state.not_in(GONE),
    )
    return await session.scalar(this.with_for_update())


async def view(source: Source, principal: Principal, subject: Subject, candidates: Sequence[Signer]) -> dict[str, Any]:
    """The subject as `schemas.signatures.Signing` shows it to this caller; candidates: as what they may sign."""
    found = await standings(source, subject)
    place = _place(subject, found, candidates)
    request, refused = found.request, place if isinstance(place, str) else None
    as_ = candidates[0] if isinstance(place, str) and candidates else None if isinstance(place, str) else place[1]
    acts_as = words.acting(as_.party, as_.capacity, subject.client_name) if as_ else None
    return {
        "state": subject.state,
        "signing_state": request["state"] if request else "not_begun",
        "paper": _paper(subject, request),
        "may_sign": refused is None,
        "may_not_sign_because": refused,
        "acts_as": acts_as,
        "statement": words.statement(subject.title, acts_as or "in my own name"),
        "records_statement": words.RECORDS_STATEMENT,
        "records_version": words.RECORDS_VERSION,
        "signers": _signers(principal, found, subject.state),
        "decisions": [_decision(principal, row) for row in found.decisions if _is_own(principal, row)],
        "expires_at": request["expires_at"] if request else None,
        "completed_at": request["ended_at"] if request and request["state"] == RequestState.COMPLETE else None,
    }


def _refusal(subject: Subject, request: Row | None) -> str | None:
    """Why nobody signs it any more."""
    if request is not None and request["state"] == RequestState.DECLINED:
        return "declined"
    is_over = request is not None and request["state"] != RequestState.OPEN
    return "ended" if is_over or not subject.takes_signatures else None


def _place(subject: Subject, found: Standings, candidates: Sequence[Signer]) -> Any:
    """The signature that the caller is to give now, or why there is none."""
    mine = {candidate.account_id for candidate in candidates}
    if any(row["account_id"] in mine for row in found.signatures):
        return "already_signed"
    if refused := _refusal(subject, found.request):
        return refused
    if not candidates:
        return "not_permitted"
    place = found.standing.place_of(candidates)
    is_there = found.request is not None or subject.rendition is not None
    return place if is_there or isinstance(place, str) else "not_submitted"


def _paper(subject: Subject, request: Row | None) -> dict[str, Any] | None:
    rendition = Rendition.frozen(request) if request else subject.rendition
    if rendition is None:
        return None
    return {
        "title": rendition.title,
        "media_type": rendition.media_type,
        "sha256": rendition.sha256,
        "content": rendition.content.decode() if rendition.content is not None else None,
    }


def _signers(principal: Principal, found: Standings, state: str) -> list[dict[str, Any]]:
    """state: of the subject. What was refused and asked for again waits again."""
    by_account = {row["account_id"]: row for row in found.signatures}
    refused = found.decisions if state == "declined" else ()
    declined = {row["account_id"] for row in refused if row["kind"] == "declined"}
    signers = []
    for slot, given in found.standing.slots:
        account_id = given.account_id if given else slot.account_id
        row = by_account[given.account_id] if given else None
        signers.append(
            {
                "party": row["party"] if row else slot.party,
                "state": "signed" if row else "declined" if account_id and account_id in declined else "waiting",
                "is_you": account_id is not None and account_id == principal.account_id,
                "printed_name": row["printed_name"] if row and _is_named(principal, row) else None,
                "capacity": row["capacity"] if row and _is_named(principal, row) else None,
                "signed_at": row["signed_at"] if row else None,
            }
        )
    return signers


def _decision(principal: Principal, row: Row) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "capacity": row["capacity"],
        "is_you": row["account_id"] == principal.account_id,
        "reason": row["reason"],
        "decided_at": row["decided_at"],
    }


def _is_own(principal: Principal, row: Row) -> bool:
    return not principal.is_client or row["account_id"] == principal.account_id


def _is_named(principal: Principal, row: Row) -> bool:
    """Whether the caller reads who that was: clients and guardians read of themselves and of the practice alone."""
    return _is_own(principal, row) or row["party"] in (Party.PRACTITIONER, Party.SUPERVISOR)
