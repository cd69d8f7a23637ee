"""Signing up for a practice's portal."""

from typing import Literal

from pydantic import Field

from portal_api.schemas.base import BirthDate, BotCheckToken, Email, Input, Name, Output, Paragraphs, Password, Phone


class Signup(Input):
    email: Email = Field(examples=["newcomer@harbor.example"])
    password: Password = Field(examples=["correct horse battery staple"])
    given_name: Name = Field(examples=["Grace"])
    family_name: Name = Field(examples=["Newcomer"])
    date_of_birth: BirthDate | None = Field(None, examples=["1990-04-01"])
    phone: Phone | None = Field(None, examples=["+1 415 555 2671"])
    message: Paragraphs | None = Field(None, description="For the practice to read.")
    bot_check_token: BotCheckToken | None = Field(None, description="Where the portal's profile names a `bot_check`.")


class SignupReceived(Output):
    """Says the same whether or not the e-mail address is known; what differs is in the mail (A01)."""

    state: Literal["check_email"]
    detail: str
