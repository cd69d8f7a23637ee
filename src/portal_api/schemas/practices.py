"""Practices: registering one, and what it says of itself."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from portal_api.schemas.base import (
    BotCheckToken,
    Change,
    Country,
    Email,
    Input,
    Line,
    Name,
    Output,
    Paragraphs,
    Password,
    Phone,
    TimeZone,
)


def _https(value: str) -> str:
    if not value.startswith("https://"):
        raise PydanticCustomError("url", "Give an https:// address.")
    return value


HttpsUrl = Annotated[Line, AfterValidator(_https)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class Address(Input):
    line1: Line
    line2: Line | None = None
    city: Name
    region: Name | None = None
    postal_code: Annotated[Name, Field(max_length=20)] | None = None
    country: Country


class AddressUpdate(Change):
    """What changes of an address."""

    line1: Line | None = None
    line2: Line | None = None
    city: Name | None = None
    region: Name | None = None
    postal_code: Annotated[Name, Field(max_length=20)] | None = None
    country: Country | None = None


class Branding(Input):
    """How the portal looks and greets (F1.B2)."""

    logo_url: HttpsUrl | None = None
    primary_colour: Colour | None = None
    welcome_text: Paragraphs | None = None
    locale: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] | None = None


class BrandingUpdate(Branding, Change):
    """What changes of the branding."""


class OwnerCreate(Input):
    email: Email = Field(examples=["owner@harbor.example"])
    password: Password = Field(examples=["correct horse battery staple"])
    given_name: Name = Field(examples=["Ada"])
    family_name: Name = Field(examples=["Harbor"])


class PracticeCreate(Input):
    name: Line = Field(examples=["Harbor Therapy"])
    time_zone: TimeZone = Field(examples=["America/New_York"])
    country: Country = Field(examples=["US"])
    owner: OwnerCreate
    bot_check_token: BotCheckToken | None = Field(
        None, description="Where a refusal `bot_check_failed` names a `bot_check`."
    )


class PracticeUpdate(Change):
    name: Line | None = None
    time_zone: TimeZone | None = None
    phone: Phone | None = None
    address: AddressUpdate | None = None
    hide_address: bool | None = None
    branding: BrandingUpdate | None = None


class Practice(Output):
    id: UUID
    name: str
    time_zone: str
    country: str
    phone: str | None
    address: Address | None
    hide_address: bool
    branding: Branding
    created_at: datetime
    updated_at: datetime
    version: int


class Owner(Output):
    id: UUID
    account_id: UUID
    email: str
    given_name: str
    family_name: str
    roles: list[str]


class Registration(Output):
    practice: Practice
    owner: Owner
