"""Locations and their rooms."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from portal_api.schemas.base import Change, Input, Name, Output, PageQuery, Paragraphs, Phone
from portal_api.schemas.practices import Address, AddressUpdate


class LocationCreate(Input):
    name: Name = Field(examples=["Main office"])
    address: Address | None = None
    hide_address: bool = Field(False, description="Whether clients are told the name alone.")
    phone: Phone | None = None
    directions: Paragraphs | None = Field(None, description="How to find it; told to who has an appointment there.")


class LocationUpdate(Change):
    name: Name | None = None
    address: AddressUpdate | None = None
    hide_address: bool | None = None
    phone: Phone | None = None
    directions: Paragraphs | None = None


class LocationFilters(PageQuery):
    archived: bool = Field(False, description="The archived ones, for staff.")


class Location(Output):
    id: UUID
    name: str
    address: Address | None = Field(description="Null where there is none, and for clients where it is hidden.")
    hide_address: bool
    phone: str | None
    directions: str | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class RoomCreate(Input):
    name: Name = Field(examples=["Room 2"])


class RoomUpdate(Change):
    name: Name | None = None


class RoomFilters(PageQuery):
    archived: bool = Field(False, description="The archived ones.")


class Room(Output):
    id: UUID
    location_id: UUID
    name: str
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
