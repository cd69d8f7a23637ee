"""Signing in and staying signed in."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from portal_api.schemas.base import Email, Input, Name, Output, Password, SecretText, SlugText

Otp = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{6,32}$")]
Delivery = Literal["body", "cookie"]


class Login(Input):
    """`practice` is the portal's link or the practice's id."""

    practice: SlugText = Field(examples=["harbor"])
    email: Email = Field(examples=["owner@harbor.example"])
    password: Password = Field(examples=["correct horse battery staple"])
    delivery: Delivery = "body"
    otp: Otp | None = None
    device_label: Name | None = None


class Refresh(Input):
    refresh_token: SecretText | None = None


class AccountRef(Output):
    id: UUID
    kind: Literal["staff", "client"]
    email: str
    email_verified: bool
    must_change_password: bool
    second_factor_enabled: bool


class TokenPair(Output):
    """The refresh token is null when it was delivered as a cookie."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")
    refresh_token: str | None
    account: AccountRef


class DeviceSession(Output):
    id: UUID
    device_label: str
    ip: str
    delivery: Delivery
    methods: list[str]
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool
