"""Signing in and staying signed in."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from portal_api.schemas.base import Email, Input, Line, Name, Output, Password, SecretText, SlugText

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
    device_token: SecretText | None = Field(None, description="What an earlier login on this device answered.")


class Refresh(Input):
    refresh_token: SecretText | None = None


class AddressAt(Input):
    """An address at a practice, known there or not."""

    practice: SlugText = Field(examples=["harbor"])
    email: Email = Field(examples=["client@harbor.example"])


class EmailVerification(Input):
    """Either `token`, from the link, or `practice`, `email` and `code`."""

    token: SecretText | None = None
    practice: SlugText | None = None
    email: Email | None = None
    code: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{6}$")] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        typed = [value is not None for value in (self.practice, self.email, self.code)]
        if any(typed) if self.token is not None else not all(typed):
            raise PydanticCustomError("one_way", "Send `token`, or `practice`, `email` and `code`.")
        return self


class Token(Input):
    """The secret of a mailed link."""

    token: SecretText


class PasswordReset(Token):
    new_password: Password


class PasswordChange(Input):
    current_password: Password
    new_password: Password


class EmailChange(Input):
    email: Email
    password: Password


class Reauthentication(Input):
    password: Password
    otp: Otp | None = Field(None, description="Where a second factor is on.")


class SecondFactorStart(Input):
    password: Password


class SecondFactorConfirm(Input):
    otp: Otp


class SecondFactorProof(Input):
    password: Password
    otp: Otp


class SecondFactorReset(Input):
    reason: Line | None = Field(None, description="Kept in the audit trail: how it is known who has asked.")


class SecondFactorSecret(Output):
    """For an authenticator app; shown once."""

    secret: str
    uri: str = Field(description="The same for a QR code.")


class RecoveryCodes(Output):
    """Each signs in once instead of a code; shown once."""

    recovery_codes: list[str]


class Accepted(Output):
    """The same whether or not there is such an account."""

    detail: str


class AccountRef(Output):
    id: UUID
    kind: Literal["staff", "client"]
    email: str
    email_verified: bool
    must_change_password: bool
    second_factor_enabled: bool


class TokenPair(Output):
    """Refresh and device token are null when they were delivered as cookies."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")
    refresh_token: str | None
    device_token: str | None = Field(
        description="After a login: send it with the next one on this device, so that nobody's guessing locks it out."
    )
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
    current: bool = Field(description="Whether it is the one that asks.")
