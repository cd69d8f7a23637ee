"""How somebody wants to be told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Mutable, PracticeScoped, of_a_practice, one_of, refers_to

CHANNELS = ("in_app", "email", "push")
MODES = ("immediate", "digest", "off")
CLOCK = "~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'"


class NotificationPreference(PracticeScoped, Base):
    """What somebody chose for one kind and channel; without a row it is as the kind says (F14.M1).

    `recipient_id` is an account, or a client without a login, who used the link in a mail.
    """

    __tablename__ = "notification_preference"
    __table_args__ = (of_a_practice(), one_of("channel", CHANNELS), one_of("mode", MODES))

    recipient_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    mode: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class NotificationSettings(PracticeScoped, Mutable, Base):
    """When somebody wants to be told. Times are readings of the clock in `time_zone`, or else in the person's zone.

    `version` is that of everything that the account's holder chose, preferences included.
    """

    __tablename__ = "notification_settings"
    __table_args__ = (
        refers_to("account", "account_id"),
        CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from <> quiet_until", name="quiet"),
        CheckConstraint(f"quiet_from {CLOCK} AND quiet_until {CLOCK} AND digest_at {CLOCK}", name="clock"),
    )

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    time_zone: Mapped[str | None]
    digest_at: Mapped[str | None]
    quiet_from: Mapped[str | None]
    quiet_until: Mapped[str | None]


class ContactConsent(PracticeScoped, Base):
    """By which channels the holder of an account without an own chart agrees to be contacted (F14.M5).

    Who has a chart has it there, in `Client.contact_preferences`. Who said nothing may be mailed and gets no text
    message. Security notices and mails that somebody asks for need none.
    """

    __tablename__ = "contact_consent"
    __table_args__ = (of_a_practice(),)

    recipient_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    sms: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class DigestCursor(PracticeScoped, Base):
    """Until when somebody's digests have told: the moment at which the last one took what there was (F14.M2)."""

    __tablename__ = "digest_cursor"
    __table_args__ = (of_a_practice(),)

    recipient_id: Mapped[UUID] = mapped_column(primary_key=True)
    covered_until: Mapped[datetime]
