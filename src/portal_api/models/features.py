"""Feature switches at their three levels: practice, practitioner, client (F2)."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.access import Feature
from portal_api.core.db import Base, Mutable, PracticeScoped, of_a_practice, one_of


class Scope(StrEnum):
    """Whose switch it is."""

    PRACTICE = "practice"
    PRACTITIONER = "practitioner"
    CLIENT = "client"


class FeatureSetting(PracticeScoped, Mutable, Base):
    """One switch. No row, or null: the practice has it off; a practitioner or client does not narrow it.

    Rows are never deleted, so who took a switch back stays known, and the versions of a subject's rows
    only ever add up to more.
    """

    __tablename__ = "feature_setting"
    __table_args__ = (of_a_practice(), one_of("scope", Scope), one_of("feature", Feature))

    scope: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    feature: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool | None]
    set_by: Mapped[UUID | None]

    def turn(self, enabled: bool | None, by: UUID | None) -> None:
        self.enabled, self.set_by = enabled, by
