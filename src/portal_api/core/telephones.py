"""Telephone numbers, kept as E.164 has them; without a country they are read in that of the practice."""

import phonenumbers
from phonenumbers import ValidationResult

FAULT = "phone"
"""The code of a number that cannot be read."""
REGION = "region"
"""In the context of a validation: the country (ISO 3166-1) in which a number without one is read."""


class Unreadable(ValueError):
    """What is written is no telephone number, or none without a country."""


def e164(written: str, region: str | None) -> str:
    """The number as +14155550100. Raises Unreadable, also for one that can be dialled within a town only."""
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        raise Unreadable("Write the number with its country: +1 415 555 0100.") from None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        raise Unreadable("This is not a possible phone number.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
