"""What somebody wants: the mode of each kind and channel, quiet hours, and whether they agree to be contacted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, column, func, select, true
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.orm import aliased

from portal_api.core.access import SELF
from portal_api.core.db import Read, Row, Rows, Session, Source
from portal_api.core.db.base import UUIDS
from portal_api.models.auth import Account
from portal_api.models.clients import Client, ClientGrant
from portal_api.models.notifications import (
    DigestCursor,
    NotificationPreference,
    NotificationSettings,
)
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.services.notifications import consents
from portal_api.services.notifications.kinds import Importance, Kind
from portal_api.services.scheduling.reminding import Quiet


@dataclass(frozen=True, slots=True)
class Modes:
    """By channel, for one recipient and kind: `off` where the kind does not have the channel."""

    in_app: str
    email: str
    push: str

    @property
    def silent(self) -> bool:
        return self.in_app == self.email == self.push == "off"


@dataclass(frozen=True, slots=True)
class Hours:
    """Somebody's clock: their zone, when they are not disturbed, when their digest comes and until when it told."""

    zone: ZoneInfo
    quiet: Quiet | None
    digest_at: str
    covered_until: datetime | None

    def open_at(self, at: datetime) -> datetime:
        """That moment, or the end of the quiet hours that hold it."""
        if self.quiet is None or not self.quiet.holds(at, self.zone):
            return at
        return self.quiet.end_after(at, self.zone)


RECIPIENTS = (
    func.unnest(bindparam("recipient_ids", type_=UUIDS))
    .table_valued(column("recipient_id", PGUUID(as_uuid=True)))
    .render_derived(name="recipients")
)
RECIPIENT = RECIPIENTS.c.recipient_id
_own_chart_first = (
    select(Client.time_zone)
    .join(ClientGrant, ClientGrant.client_id == Client.id)
    .where(
        ClientGrant.account_id == RECIPIENT,
        ClientGrant.revoked_at.is_(None),
        Client.time_zone.is_not(None),
    )
    .order_by((ClientGrant.relationship == SELF).desc(), ClientGrant.id)
    .limit(1)
    .correlate(RECIPIENTS)
    .scalar_subquery()
)
_chart = aliased(Client)
HOURS_OF: Rows = (
    select(
        RECIPIENT.label("recipient_id"),
        func.coalesce(NotificationSettings.time_zone, _chart.time_zone, _own_chart_first, Practice.time_zone).label(
            "time_zone"
        ),
        NotificationSettings.quiet_from,
        NotificationSettings.quiet_until,
        func.coalesce(NotificationSettings.digest_at, PortalSettings.digest_at).label("digest_at"),
        DigestCursor.covered_until,
        func.now().label("now"),
    )
    .select_from(RECIPIENTS)
    .join(PortalSettings, true())
    .join(Practice, Practice.id == bindparam("practice_id"))
    .outerjoin(NotificationSettings, NotificationSettings.account_id == RECIPIENT)
    .outerjoin(DigestCursor, DigestCursor.recipient_id == RECIPIENT)
    .outerjoin(_chart, _chart.id == RECIPIENT)
)
HOURS = Read(HOURS_OF)


async def modes_of(session: Session, kind: Kind, recipient_ids: Collection[UUID]) -> dict[UUID, Modes]:
    """What each recipient wants of this kind at this moment."""
    chosen = select(NotificationPreference).where(
        NotificationPreference.recipient_id.in_(recipient_ids), NotificationPreference.kind == kind.key
    )
    said = {(row.recipient_id, row.channel): row.mode for row in await session.scalars(chosen)}
    unmailed = set[UUID]()
    if kind.importance is not Importance.SECURITY:
        unmailed = await consents.refusing_mail(session, recipient_ids)

    def mode(recipient_id: UUID, channel: str) -> str:
        offer = kind.channels.get(channel)
        if offer is None or (channel == "email" and recipient_id in unmailed):
            return "off"
        wanted = said.get((recipient_id, channel), offer.default)
        return wanted if wanted in offer.modes else offer.default

    return {id: Modes(mode(id, "in_app"), mode(id, "email"), mode(id, "push")) for id in recipient_ids}


async def hours_of(source: Source, recipient_ids: Collection[UUID]) -> dict[UUID, Hours]:
    """By recipient: the zone that they chose, else their chart's, else the practice's."""
    rows = await source.rows(HOURS, recipient_ids=list(recipient_ids))
    return {UUID(str(row["recipient_id"])): hours(row) for row in rows}


def hours(row: Row) -> Hours:
    """One row of HOURS."""
    quiet = Quiet(minute(row["quiet_from"]), minute(row["quiet_until"])) if row["quiet_from"] else None
    return Hours(ZoneInfo(row["time_zone"]), quiet, row["digest_at"], row["covered_until"])


def minute(clock: str | None) -> int:
    """The minute of the day that a reading of the clock is: 06:30 is 390."""
    hours, _, minutes = (clock or "00:00").partition(":")
    return int(hours) * 60 + int(minutes)


async def address_of(session: Session, recipient_id: UUID, *, to_login: bool) -> str | None:
    """Where mail for the recipient goes; None where there is no address, or none that is known to be theirs.

    to_login: as for Kind. A login's own address counts once somebody has shown it to be right (A06); before that, the
    address in the own chart does.
    """
    account = await session.scalar(select(Account).where(Account.id == recipient_id))
    if account is None:
        chart = select(Client.email).where(Client.id == recipient_id, Client.archived_at.is_(None))
        return await session.scalar(chart)
    if account.suspended_at is not None:
        return None
    if account.kind == "staff" or account.email_verified_at is not None or to_login:
        return account.email
    own = (
        select(Client.email)
        .join(ClientGrant, ClientGrant.client_id == Client.id)
        .where(
            ClientGrant.account_id == account.id,
            ClientGrant.relationship == SELF,
            ClientGrant.is_live(),
        )
    )
    return await session.scalar(own)
