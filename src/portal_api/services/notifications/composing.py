"""The mail that tells of what is in somebody's inbox: one thing, several at once, or a day's digest.

Nobody's name, nothing clinical: a line says of which kind it is, a digest also whose, by initials (F14.M2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select

from portal_api.core.access import ActorKind
from portal_api.core.db import Session
from portal_api.integrations.mail import Mail
from portal_api.integrations.mail_templates import Content, Item, render
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.models.notifications import MailDelivery, Notification
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.staff import StaffMember
from portal_api.services.notifications import addresses, standing, unsubscribing, wishes
from portal_api.services.notifications.kinds import BY_KEY, DIGEST, Importance, Kind, Words
from portal_api.services.notifications.letters import app_link

MOST_LINES = 100
INBOX = "/notifications"
KEYS = (DIGEST, *BY_KEY)
"""Kinds of deliveries that are made here."""
INITIALS: ColumnElement[str] = func.upper(
    func.concat(func.left(Client.given_name, 1), func.left(Client.family_name, 1))
)
"""As much of a client's name as leaves the portal."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is told. `at`: when the appointment of which it speaks is."""

    row: Notification
    words: Words
    initials: str | None
    at: datetime | None = None

    @property
    def path(self) -> str:
        return path_of(self.words.path, self.row.resource_id, self.row.about_client_id)

    @property
    def text(self) -> str:
        return f"{self.initials}: {self.words.line}" if self.initials else self.words.line


async def compose(session: Session, delivery: MailDelivery) -> tuple[Mail | None, str]:
    """The mail, as things are now; or why there is none: dropped, suppressed, or a digest that waits: abandoned."""
    recipient_id = delivery.recipient_id
    assert recipient_id is not None  # noqa: S101 - set for every delivery of a kind
    kind = BY_KEY.get(delivery.kind or "")
    lines = await lines_of(session, await _rows(session, delivery))
    if not lines:
        return None, "dropped"
    address = await wishes.address_of(session, recipient_id, to_login=kind is not None and kind.to_login)
    if address is None or not await may_be_mailed(session, recipient_id, kind):
        return None, "abandoned" if kind is None else "dropped"
    if await addresses.is_suppressed(session, address):
        return None, "suppressed"
    practice = (await session.execute(select(Practice).where(Practice.id == delivery.practice_id))).scalar_one()
    zone = (await wishes.hours_of(session, [recipient_id]))[recipient_id].zone
    content = await _content(session, practice.name, lines, kind, zone)
    mail = Mail(
        to=address,
        subject=content.subject,
        text=content.text,
        html=content.html,
        sender_name=practice.name,
        reference=f"delivery/{delivery.id}",
        headers=await unsubscribing.headers(session, recipient_id, delivery.kind or ""),
    )
    return mail, ""


async def lines_of(session: Session, rows: Sequence[Notification]) -> list[Line]:
    """What there is to say of these rows now: of what is over, or no longer theirs to see, nothing."""
    rows = await standing.still_theirs(session, rows)
    stands = await standing.of(session, rows)
    initials = await _initials(session, {row.about_client_id for row in rows if row.about_client_id})
    found = []
    for row in rows:
        words = BY_KEY[row.kind].events.get(row.event_type) if row.kind in BY_KEY else None
        stand = stands.get(row.id, standing.AS_TOLD)
        if words is not None and not stand.over:
            whose = initials.get(row.about_client_id) if row.about_client_id else None
            found.append(Line(row, words, whose, stand.at))
    return found


def path_of(path: str, resource_id: UUID | None, client_id: UUID | None) -> str:
    """The place in the front end; the inbox, where the one that is meant is not to be seen."""
    if ("{id}" in path and resource_id is None) or ("{client}" in path and client_id is None):
        return INBOX
    return path.format(id=resource_id, client=client_id)


def when(at: datetime, zone: ZoneInfo) -> str:
    """A moment on somebody's clock, in words."""
    local = at.astimezone(zone)
    return f"{local:%A}, {local.day} {local:%B %Y, %H:%M} ({zone.key})"


async def _content(
    session: Session, practice_name: str, lines: Sequence[Line], kind: Kind | None, zone: ZoneInfo
) -> Content:
    inbox = await app_link(session, INBOX)
    if kind is None:
        shown = lines[:MOST_LINES]
        items = [Item(line.text, await app_link(session, line.path)) for line in shown]
        left_out = len(lines) - len(shown)
        return render("digest", practice_name=practice_name, items=items, left_out=left_out, link=inbox)
    latest = list({(line.row.resource_type, line.row.resource_id): line for line in lines}.values())
    if len(latest) > 1 and kind.gathers:
        items = [Item(_sentence(line, zone), await app_link(session, line.path)) for line in latest]
        return render("notices", practice_name=practice_name, items=items, link=inbox)
    line = latest[-1]
    values: dict[str, str] = {"link": await app_link(session, _mail_path(line))}
    if line.words.template == "notice":
        values |= {"line": line.words.line, "sentence": _sentence(line, zone), "action": line.words.action}
    elif line.words.dated and line.at is not None:
        values["when"] = when(line.at, zone)
    return render(line.words.template, practice_name=practice_name, **values)


def _mail_path(line: Line) -> str:
    path = line.words.mail_path or line.words.path
    return path_of(path, line.row.resource_id, line.row.about_client_id)


def _sentence(line: Line, zone: ZoneInfo) -> str:
    sentence = line.words.sentence or f"{line.words.line}."
    return sentence.format(when=when(line.at, zone) if line.at else "")


async def _rows(session: Session, delivery: MailDelivery) -> Sequence[Notification]:
    mine = select(Notification).where(Notification.delivery_id == delivery.id)
    return (await session.scalars(mine.order_by(Notification.occurred_at, Notification.id))).all()


async def may_be_mailed(session: Session, recipient_id: UUID, kind: Kind | None) -> bool:
    """Staff who still work here; clients while the portal is on; of security whoever holds the account.

    Of that login itself not where only staff say that the address reaches its holder (A06).
    """
    account = await session.scalar(select(Account).where(Account.id == recipient_id))
    if kind is not None and kind.importance is Importance.SECURITY:
        return account is not None and not (kind.to_login and account.vouched)
    if account is not None and account.kind == ActorKind.STAFF:
        works = select(StaffMember.id).where(StaffMember.account_id == recipient_id, StaffMember.state == "active")
        return await session.scalar(works) is not None
    return bool(await session.scalar(select(PortalSettings.enabled)))


async def _initials(session: Session, client_ids: set[UUID]) -> dict[UUID, str]:
    found = select(Client.id, INITIALS).where(Client.id.in_(client_ids))
    return {UUID(str(id)): text for id, text in (await session.execute(found)).all()}
