"""Links that carry what they are for, sealed, and are as good as the session that they were given to (A09, A26)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
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
from portal_api.core.sealing import SealError
from portal_api.services.auth import authority


@dataclass(frozen=True, slots=True)
class Use:
    """A kind of link. path: where it leads to; lasts: for how long it may be used; per_network: how often any may."""

    purpose: str
    path: str
    lasts: timedelta
    per_network: Limit


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says: whose it is, until when, and what for."""

    practice_id: UUID
    kind: ActorKind
    account_id: UUID
    session_id: UUID
    expires_at: datetime
    what: dict[str, Any]

    async def holder(self, session: Session, visitor: Principal, needed: Mapping[ActorKind, Permission]) -> Principal:
        """Whom it was given to, as they stand now; the transaction is theirs then.

        Raises NotFound for whose session has ended, and for who may no longer do what it is for.
        """
        kind = ActorKind.STAFF if self.kind is ActorKind.STAFF else ActorKind.SYSTEM
        await session.rebind(Binding(self.practice_id, kind))
        try:
            holder = await authority.principal(
                session, self.practice_id, self.account_id, self.session_id, visitor.origin
            )
        except (Unauthenticated, Forbidden):
            raise NotFound from None
        if holder.kind in needed and not holder.may(needed[holder.kind]):
            raise NotFound
        await session.rebind(authority.binding_of(holder))
        return holder


async def give(session: Session, principal: Principal, use: Use, **what: Any) -> tuple[str, datetime]:
    """A link of the caller's, and when it is over. what: plain values, as JSON knows them."""
    expires_at = (await clock.now(session)).replace(microsecond=0) + use.lasts
    owners = principal.practice_id, principal.account_id, principal.session_id
    plain = orjson.dumps([*owners, principal.kind, int(expires_at.timestamp()), what])
    tools = session.tools
    sealed = urlsafe_b64encode(tools.vault.seal(plain, purpose=use.purpose, aad=())).rstrip(b"=").decode()
    return f"{tools.settings.public_url.rstrip('/')}{use.path}/{sealed}", expires_at


async def opened(session: Session, visitor: Principal, use: Use, text: str) -> Link:
    """Raises TooMany, and NotFound, the same for one that is none of ours and for one that is over."""
    await session.tools.limiter.hit({use.per_network: visitor.origin.network})
    link = read(session, use, text)
    if link.expires_at <= await clock.now(session):
        raise NotFound
    return link


def read(session: Session, use: Use, text: str) -> Link:
    """The same, whenever it was over. Raises NotFound."""
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        plain = orjson.loads(session.tools.vault.open(sealed, purpose=use.purpose, aad=()))
    except (Base64Error, SealError, ValueError):
        raise NotFound from None
    practice_id, account_id, session_id, actor, expires, what = plain
    return Link(
        practice_id=UUID(practice_id),
        kind=ActorKind(actor),
        account_id=UUID(account_id),
        session_id=UUID(session_id),
        expires_at=datetime.fromtimestamp(expires, UTC),
        what=what,
    )
