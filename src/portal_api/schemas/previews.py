"""Looking at the portal through a client's eyes."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from portal_api.core.access import GrantPermission
from portal_api.schemas.base import Input, Line, Output


class PreviewCreate(Input):
    """Empty: as the client. As a guardian: as one there is, or as one would be with these permissions."""

    guardian_id: UUID | None = None
    permissions: list[GrantPermission] | None = Field(
        None, max_length=len(GrantPermission), description="What a guardian who does not exist yet would be given."
    )
    relationship: Line | None = Field(None, examples=["parent"])
    reason: Line | None = Field(None, description="Why, for the record.")

    @model_validator(mode="after")
    def _one_view(self) -> Self:
        if self.guardian_id is not None and (self.permissions is not None or self.relationship is not None):
            raise PydanticCustomError("one_view", "Name a guardian, or permissions: not both.")
        if self.relationship is not None and self.permissions is None:
            raise PydanticCustomError("permissions_needed", "Say with which permissions.")
        return self


class Actor(Output):
    """RFC 8693 section 4.1."""

    sub: UUID = Field(description="The account of the staff member who looks.")


class Preview(Output):
    """A token that reads what the client, or the guardian, would see, and changes nothing."""

    id: UUID
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")
    expires_at: datetime
    act: Actor
    client_id: UUID
    relationship: str
    permissions: list[str]
    read_only: Literal[True]
    banner: str = Field(description="What a front end shows for as long as the token is in use.")
