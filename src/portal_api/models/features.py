"""Feature switches at their three levels: practice, practitioner, client (F2)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.access import Feature
from portal_api.core.db import Base, PracticeScoped, of_a_practice, one_of

SCOPES = ("practice", "practitioner", "client")


class FeatureSetting(PracticeScoped, Base):
    """One gate. No row means: the practice has it off; a practitioner or client does not narrow it."""

    __tablename__ = "feature_setting"
    __table_args__ = (of_a_practice(), one_of("scope", SCOPES), one_of("feature", Feature))

    scope: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    feature: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool]
    set_by: Mapped[UUID | None]
    set_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
