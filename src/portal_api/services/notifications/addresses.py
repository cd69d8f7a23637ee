"""Addresses in the delivery log, and those that take no mail (F14.M4)."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.db import Session
from portal_api.models.notifications import MailDelivery, SuppressedAddress
from portal_api.schemas.base import masked_email, normal_email

SUPPRESSED_FOR = timedelta(days=30)
"""After so long it is tried again: mailboxes come back."""


def mac_of(session: Session, email: str) -> bytes:
    """What an address is known by where it is not to be read."""
    return session.tools.vault.mac(str(session.binding.practice_id), normal_email(email), purpose="mail_address")


def note(session: Session, delivery: MailDelivery, email: str) -> None:
    """Write down where a mail goes."""
    delivery.address, delivery.address_mac = masked_email(email), mac_of(session, email)


async def is_suppressed(session: Session, email: str) -> bool:
    """Whether the address is known to take no mail."""
    known = select(SuppressedAddress.since).where(
        SuppressedAddress.address_mac == mac_of(session, email), SuppressedAddress.until > func.now()
    )
    return await session.scalar(known) is not None


async def suppress(session: Session, address_mac: bytes, smtp_code: int, at: datetime) -> None:
    """Send nothing more there that nobody asked for."""
    row = insert(SuppressedAddress).values(
        practice_id=session.binding.practice_id,
        address_mac=address_mac,
        smtp_code=smtp_code,
        since=at,
        until=at + SUPPRESSED_FOR,
    )
    again = {"smtp_code": smtp_code, "until": at + SUPPRESSED_FOR}
    await session.execute(row.on_conflict_do_update(index_elements=["practice_id", "address_mac"], set_=again))


async def took_mail(session: Session, address_mac: bytes) -> None:
    """It did, so it is fine again."""
    gone = delete(SuppressedAddress).where(SuppressedAddress.address_mac == address_mac)
    await session.execute(gone.execution_options(synchronize_session=False))
