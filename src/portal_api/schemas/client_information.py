"""What a practice asks of its clients about themselves, what they answer, and what staff make of the answers."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from portal_api.schemas.base import (
    BirthDate,
    Change,
    Email,
    Input,
    Line,
    Name,
    Output,
    PageQuery,
    Phone,
    Query,
    TimeZone,
)
from portal_api.schemas.practices import Address, AddressUpdate

Sex = Literal["female", "male", "other", "unknown"]
PhoneUse = Literal["mobile", "home", "work"]
Channel = Literal["email", "sms", "phone"]
Language = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"),
    Field(examples=["en-US"], description="A BCP 47 language tag."),
]


class OtherPhone(Input):
    use: PhoneUse
    number: Phone


def _each_once(phones: list[OtherPhone]) -> list[OtherPhone]:
    if len({phone.number for phone in phones}) < len(phones):
        raise PydanticCustomError("repeated", "Give each number once.")
    return phones


OtherPhones = Annotated[list[OtherPhone], Field(max_length=5), AfterValidator(_each_once)]


class EmergencyContact(Input):
    name: Name
    phone: Phone
    relationship: Name | None = None
    email: Email | None = None


class EmergencyContactUpdate(Change):
    """What changes of the emergency contact."""

    name: Name | None = None
    phone: Phone | None = None
    relationship: Name | None = None
    email: Email | None = None


class ContactPreferences(Input):
    """What the client agrees to, by channel (F14.M5); null where they were not asked or did not say.

    `email` and `sms` are what `contact-consents` and the notification preferences of the client's own login say.
    """

    email: bool | None = None
    sms: bool | None = None
    phone: bool | None = None
    voicemail: bool | None = None
    preferred: Channel | None = None


class ContactPreferencesUpdate(ContactPreferences, Change):
    """What changes of the contact preferences."""


Group = Literal["profile", "demographics", "contact", "preferences", "insurance"]
ProfileField = Literal[
    "given_name",
    "middle_name",
    "family_name",
    "preferred_name",
    "pronouns",
    "date_of_birth",
    "sex",
    "gender_identity",
    "language",
    "email",
    "phone",
    "other_phones",
    "address",
    "time_zone",
    "emergency_contact",
    "contact_preferences",
    "self_pay",
]
PolicyField = Literal[
    "payer_id",
    "plan_name",
    "group_number",
    "subscriber",
    "effective_date",
    "end_date",
    "front_document_id",
    "back_document_id",
]
"""Of an insurance policy, those that a practice may ask for or not; payer and member id are always needed."""


class FieldRule(Output):
    """Whether clients are asked for a field, must answer, and whether staff look at a change first."""

    enabled: bool
    required: bool
    review: bool = Field(description="Changes wait for staff; without it they are in the chart at once.")


class FieldRuleUpdate(Change):
    enabled: bool | None = None
    required: bool | None = None
    review: bool | None = None


class GroupRule(Output):
    enabled: bool
    fields: dict[ProfileField | PolicyField, FieldRule]


class GroupRuleUpdate(Change):
    enabled: bool | None = None
    fields: dict[ProfileField | PolicyField, FieldRuleUpdate] | None = None


class ChartUpdate(Change):
    """What changes of a chart. The names are the legal ones, save preferred_name."""

    given_name: Name | None = None
    middle_name: Name | None = None
    family_name: Name | None = None
    preferred_name: Name | None = None
    pronouns: Name | None = None
    date_of_birth: BirthDate | None = None
    sex: Sex | None = None
    gender_identity: Name | None = None
    language: Language | None = None
    email: Email | None = None
    phone: Phone | None = None
    other_phones: OtherPhones | None = None
    address: AddressUpdate | None = None
    time_zone: TimeZone | None = None
    emergency_contact: EmergencyContactUpdate | None = None
    contact_preferences: ContactPreferencesUpdate | None = None
    self_pay: bool | None = Field(None, description="Pays without insurance.")


class ProfileUpdate(ChartUpdate):
    """What a client says of themselves, or a guardian of a child. The names are the legal ones, save preferred_name."""


class ProfileQuery(Query):
    client_id: UUID | None = Field(None, description="Needed where the account acts for several clients.")


class Chart(Output):
    """What the practice knows of a person. The names are the legal ones, save preferred_name."""

    given_name: str
    middle_name: str | None
    family_name: str
    preferred_name: str | None
    pronouns: str | None
    date_of_birth: date | None
    sex: Sex | None
    gender_identity: str | None
    language: str | None
    email: str | None
    phone: str | None
    other_phones: list[OtherPhone]
    address: Address | None
    time_zone: str | None
    emergency_contact: EmergencyContact | None
    contact_preferences: ContactPreferences | None
    self_pay: bool | None


class ProfileAsk(Output):
    """A field that the client may fill in here."""

    name: ProfileField
    group: Group
    required: bool
    review: bool


class MyProfile(Chart):
    """The chart as its client sees it, with the own changes that staff have not decided on yet."""

    client_id: UUID
    relationship: str
    fields: list[ProfileAsk]
    pending: list[ProfileField] = Field(description="Shown here as the caller wants them, and not in the chart yet.")
    version: int


class ChangedField(Output):
    """`before` is what the chart said when the client wrote; with a conflict it says something else by now."""

    name: ProfileField
    before: Any
    proposed: Any
    current: Any
    conflict: bool
    state: Literal["pending", "accepted", "rejected"]
    decided_at: datetime | None
    decided_by: UUID | None
    reason: str | None


class ClientChange(Output):
    id: UUID
    client_id: UUID
    account_id: UUID
    relationship: str
    state: Literal["pending", "accepted", "rejected", "partly_accepted"]
    fields: list[ChangedField]
    created_at: datetime
    updated_at: datetime
    version: int


class ClientChangeFilters(PageQuery):
    client_id: UUID | None = None


class ChangeDecision(Input):
    fields: Annotated[list[ProfileField], Field(min_length=1, max_length=20)] | None = Field(
        None, description="All that are open when absent."
    )


class ChangeAcceptance(ChangeDecision):
    overwrite: bool = Field(False, description="Also where the chart was changed since the client wrote.")


class ChangeRejection(ChangeDecision):
    reason: Line | None = None
