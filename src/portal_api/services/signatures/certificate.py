"""The certificate page: who signed what, when, how; and whose names stand in whose copy (F6.M3)."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from portal_api.core.db import Session
from portal_api.integrations.papers import Certificate, Fact, Signer
from portal_api.models.signatures import Party, Signature, SignatureRequest
from portal_api.services.signatures import evidence
from portal_api.services.signatures.subjects import Rendition, Subject

METHODS = {"pwd": "password", "otp": "one-time code", "recovery": "recovery code", "invitation": "invitation"}
WRITTEN = {"typed": "Name typed", "typed_and_drawn": "Name typed, signature drawn"}


def certificate(
    session: Session,
    subject: Subject,
    request: SignatureRequest,
    rendition: Rendition,
    signatures: Sequence[Signature],
    reader: UUID | None,
    *,
    names_all: bool,
) -> Certificate:
    """names_all: for the practice, or where nobody but the client has signed for the client. Else `reader`, who is one
    of the guardians, is the only one of them who is named, and whose device is told of."""
    vault, url = session.tools.vault, session.tools.settings.public_url.rstrip("/")
    shown = [_shown(signature, own=names_all or signature.account_id == reader) for signature in signatures]
    return Certificate(
        title="Certificate of signatures",
        text=("This page is evidence of the electronic signatures on the document before it.",),
        facts=(
            Fact("Document", subject.title),
            Fact("SHA-256 of the document as it was shown", rendition.sha256),
            Fact("Version", str(subject.version_id)),
            Fact("Signature request", str(request.id)),
            Fact("Completed", _at(request.ended_at)),
        ),
        signers=tuple(shown),
        notes=(
            f"Send this file, or its SHA-256, to {url}/v1/signatures/verify: the answer says whether it is as it was"
            " signed, and tells nothing of what is in it.",
            "Each seal is an Ed25519 signature (RFC 8032) of this installation over all that it has recorded about the"
            " signature. The key that checks it:",
            evidence.public_key(vault),
        ),
    )


def _shown(signature: Signature, *, own: bool) -> Signer:
    if signature.party == Party.GUARDIAN and not own:
        facts = (Fact("Signed", _at(signature.signed_at)), _seal(signature))
        return Signer(heading="Another parent or guardian", statements=(), facts=facts)
    return Signer(
        heading=f"{signature.printed_name}, {signature.acts_as}",
        statements=(signature.statement, signature.records_statement),
        facts=(
            Fact("Signed", _at(signature.signed_at)),
            Fact("How", WRITTEN[signature.method]),
            *(_circumstances(signature) if own else ()),
            _seal(signature),
        ),
        drawn=signature.drawn,
    )


def _circumstances(signature: Signature) -> tuple[Fact, ...]:
    methods = ", ".join(METHODS.get(method, method) for method in signature.authentication_methods)
    return (
        Fact("Signed in", f"{_at(signature.authenticated_at)}, by {methods or 'a session'}"),
        Fact("Session", str(signature.session_id)),
        Fact("Network", signature.ip_network),
        Fact("Program", signature.user_agent or "not said"),
    )


def _seal(signature: Signature) -> Fact:
    return Fact("Seal", base64.b64encode(signature.seal).decode())


def _at(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else ""
