"""The people who work in a practice."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.access import Role
from portal_api.core.db import Base, Id, Mutable, PracticeScoped, of_a_practice, one_of, refers_to
from portal_api.core.errors import InvalidState

STATES = ("invited", "active", "suspended", "removed")


class StaffMember(PracticeScoped, Id, Mutable, Base):
    """`id` is the `practitioner_id` everywhere. Several roles at once; capabilities are their union (F20.M2)."""

    __tablename__ = "staff_member"
    __table_args__ = (
        of_a_practice(),
        refers_to("account", "account_id"),
        UniqueConstraint("practice_id", "account_id", name="uq_staff_member_account"),
        one_of("state", STATES),
        CheckConstraint(
            "roles <@ ARRAY[" + ", ".join(f"'{role}'" for role in Role) + "]::text[] AND cardinality(roles) > 0",
            name="roles",
        ),
    )

    account_id: Mapped[UUID]
    email: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    credentials: Mapped[str | None]
    roles: Mapped[list[str]]
    state: Mapped[str] = mapped_column(default="invited", server_default=text("'invited'"))
    state_changed_at: Mapped[datetime | None]

    def activate(self, at: datetime) -> None:
        self._move("active", at, {"invited", "suspended"})

    def suspend(self, at: datetime) -> None:
        self._move("suspended", at, {"active"})

    def restore(self, at: datetime) -> None:
        self._move("active", at, {"suspended"})

    def invite_again(self, at: datetime) -> None:
        """Who left comes back as somebody new: by an invitation."""
        self._move("invited", at, {"removed"})

    def remove(self, at: datetime) -> None:
        self._move("removed", at, {"invited", "active", "suspended"})

    @property
    def is_active_owner(self) -> bool:
        return self.state == "active" and Role.OWNER in self.roles

    def _move(self, to: str, at: datetime, allowed: set[str]) -> None:
        if self.state not in allowed:
            raise InvalidState(f"A staff member who is {self.state} cannot become {to}.", state=self.state)
        self.state, self.state_changed_at = to, at


class Supervision(PracticeScoped, Base):
    """A supervisor reads what the supervised practitioner's clients have (F20.M3)."""

    __tablename__ = "supervision"
    __table_args__ = (refers_to("staff_member", "supervisor_id"), refers_to("staff_member", "supervised_id"))

    supervisor_id: Mapped[UUID] = mapped_column(primary_key=True)
    supervised_id: Mapped[UUID] = mapped_column(primary_key=True)
