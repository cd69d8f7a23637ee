"""The login identity: of one practice, apart from the client record (api.md section 2)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, of_a_practice, one_of, refers_to


class Account(PracticeScoped, Id, Mutable, Base):
    """`kind` is staff or client; a prospect is a client account that may act for no client yet."""

    __tablename__ = "account"
    __table_args__ = (
        of_a_practice(),
        UniqueConstraint("practice_id", "email_norm", name="uq_account_email"),
        one_of("kind", ("staff", "client")),
    )

    kind: Mapped[str]
    email: Mapped[str]
    email_norm: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    email_verified_at: Mapped[datetime | None]
    email_verified_by: Mapped[UUID | None]
    """Null when the holder proved it; else the staff account that vouched for it (A06)."""
    must_change_password: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    starter_expires_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    second_factor_at: Mapped[datetime | None]

    @property
    def self_verified(self) -> bool:
        return self.email_verified_at is not None and self.email_verified_by is None

    @property
    def vouched(self) -> bool:
        """Staff say that the address reaches the holder; nobody has shown it (A06)."""
        return self.email_verified_by is not None

    @property
    def recovers_by_mail(self) -> bool:
        """Whether a link sent to the address may open the account.

        Not while only staff stand behind the address (A06) or behind the password (A05). A first password is chosen
        in this way by somebody who asked for an appointment without one, and has shown the address to be theirs.
        """
        chosen = self.password_hash is not None and not self.must_change_password
        first = self.password_hash is None and self.self_verified
        return (chosen or first) and not self.vouched and self.suspended_at is None

    def starter_expired(self, at: datetime) -> bool:
        return self.starter_expires_at is not None and self.starter_expires_at <= at

    def change_email(self, email: str, email_norm: str, at: datetime) -> None:
        """Take an address whose mail the holder has just shown to read."""
        self.email, self.email_norm = email, email_norm
        self.email_verified_at, self.email_verified_by = at, None

    def verify_email(self, at: datetime, by: UUID | None = None) -> None:
        """Mark the address reachable. The holder's own proof outranks a vouching and is never downgraded."""
        if self.self_verified:
            return
        if self.email_verified_at is None or by is None:
            self.email_verified_at, self.email_verified_by = at, by

    def set_password(self, password_hash: str, at: datetime) -> None:
        """A password that the holder chose."""
        self.password_hash, self.password_changed_at = password_hash, at
        self.must_change_password, self.starter_expires_at = False, None

    def set_starter_password(self, password_hash: str, at: datetime, expires_at: datetime) -> None:
        """A password that staff handed out: works until `expires_at`, for changing it and nothing else (A05)."""
        self.password_hash, self.password_changed_at = password_hash, at
        self.must_change_password, self.starter_expires_at = True, expires_at

    def suspend(self, at: datetime) -> None:
        """Nobody signs in to it any more."""
        self.suspended_at = self.suspended_at or at

    def restore(self) -> None:
        self.suspended_at = None


class TotpCredential(PracticeScoped, Base):
    """A time-based one-time password (RFC 6238). The seed is sealed; a time step is used once."""

    __tablename__ = "totp_credential"
    __table_args__ = (refers_to("account", "account_id"),)

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    sealed_seed: Mapped[bytes]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class RecoveryCode(PracticeScoped, Base):
    """One of ten ways in without the second factor, each once."""

    __tablename__ = "recovery_code"
    __table_args__ = (refers_to("account", "account_id"),)

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]
