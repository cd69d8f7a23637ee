"""Links that open one file for a minute: sealed, of one session, as good as it is at the moment (A09, A26)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from portal_api.core import clock
from portal_api.core.access import ActorKind, Permission, Principal
from portal_api.core.db import Binding, Session
from portal_api.core.errors import Forbidden, NotFound, Unauthenticated
from portal_api.core.limits import Limit
from portal_api.core.sealing import SealError, Vault
from portal_api.services.auth import authority
from portal_api.services.documents import opening, reading, resources
from portal_api.services.documents.opening import Content

LASTS = timedelta(seconds=60)
PER_NETWORK = Limit("content-url", 600, timedelta(minutes=10))
_PURPOSE = "content-url"
NEEDED = {ActorKind.CLIENT: Permission.DOCUMENTS_SELF, ActorKind.STAFF: Permission.DOCUMENTS_READ}


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who may open what, and until when. `resource`: a document of the practice itself."""

    practice_id: UUID
    kind: ActorKind
    account_id: UUID
    session_id: UUID
    document_id: UUID
    resource: bool
    expires_at: datetime

    def sealed(self, vault: Vault) -> str:
        ids = [self.practice_id.hex, self.account_id.hex, self.session_id.hex, self.document_id.hex]
        plain = orjson.dumps([*ids, self.kind, self.resource, int(self.expires_at.timestamp())])
        return urlsafe_b64encode(vault.seal(plain, purpose=_PURPOSE, aad=())).rstrip(b"=").decode()

    @classmethod
    def opened(cls, vault: Vault, text: str) -> "Ticket":
        """Raises NotFound for what is none of ours."""
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            practice, account, session, document, kind, resource, expires = orjson.loads(
                vault.open(sealed, purpose=_PURPOSE, aad=())
            )
        except (Base64Error, SealError, ValueError):
            raise NotFound from None
        return cls(
            practice_id=UUID(hex=practice),
            kind=ActorKind(kind),
            account_id=UUID(hex=account),
            session_id=UUID(hex=session),
            document_id=UUID(hex=document),
            resource=resource,
            expires_at=datetime.fromtimestamp(expires, UTC),
        )


async def url(session: Session, principal: Principal, document_id: UUID, *, resource: bool = False) -> dict[str, Any]:
    """A link to a file that the caller may open now. Raises NotFound, NotReady, Withheld."""
    await _must_be_openable(session, principal, document_id, resource)
    assert principal.account_id is not None and principal.session_id is not None  # noqa: S101 - the route is closed
    expires_at = (await clock.now(session)).replace(microsecond=0) + LASTS
    ticket = Ticket(
        principal.practice_id,
        principal.kind,
        principal.account_id,
        principal.session_id,
        document_id,
        resource,
        expires_at,
    )
    base = session.tools.settings.public_url.rstrip("/")
    return {"url": f"{base}/v1/content/{ticket.sealed(session.tools.vault)}", "expires_at": expires_at}


async def content(session: Session, visitor: Principal, text: str) -> Content:
    """The file behind a link.

    Raises TooMany, and NotFound, the same for a link that is none, one that is over, and one whose caller may no longer
    open the file: their session, their grant and the document itself are looked at again. Raises NotReady, Withheld.
    """
    await session.tools.limiter.hit({PER_NETWORK: visitor.origin.network})
    ticket = Ticket.opened(session.tools.vault, text)
    if ticket.expires_at <= await clock.now(session):
        raise NotFound
    kind = ActorKind.STAFF if ticket.kind is ActorKind.STAFF else ActorKind.SYSTEM
    await session.rebind(Binding(ticket.practice_id, kind))
    try:
        principal = await authority.principal(
            session, ticket.practice_id, ticket.account_id, ticket.session_id, visitor.origin
        )
    except (Unauthenticated, Forbidden):
        raise NotFound from None
    if not principal.may(NEEDED[principal.kind]) and not ticket.resource:
        raise NotFound
    await session.rebind(authority.binding_of(principal))
    if ticket.resource:
        return await resources.content(session, principal, ticket.document_id)
    return await opening.content(session, principal, ticket.document_id)


async def _must_be_openable(session: Session, principal: Principal, document_id: UUID, resource: bool) -> None:
    row = await (resources if resource else reading).visible(session, principal, document_id)
    opening.must_be_readable(row["state"])
