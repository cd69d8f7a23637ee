"""The sentences that signers agree to. Each signature keeps its own: a change here changes nothing that was signed."""

from portal_api.core.access import SELF
from portal_api.models.signatures import Party

RECORDS_VERSION = "1"
"""A new version is accepted anew with the next signature (15 USC 7001(c))."""
RECORDS_STATEMENT = (
    "I agree to receive and to sign this document electronically. I can have it on paper instead: the practice gives me"
    " a copy when I ask for one. I can take this agreement back for the future by telling the practice; what I have"
    " signed until then stays valid. To read and keep my copy I need a program that opens PDF files."
)
_REPRESENTED = {
    **{
        word: word.replace("_", " ")
        for word in ("parent", "guardian", "grandparent", "foster_parent", "legal_guardian")
    },
    **dict.fromkeys(("mother", "father"), "parent"),
    **dict.fromkeys(("step_parent", "stepparent", "stepmother", "stepfather"), "step-parent"),
    **{word: word for word in ("spouse", "partner")},
}
"""The capacity in which somebody signs, by what they are to the client; with another word, as a representative."""


def statement(title: str, acts_as: str) -> str:
    """The act of signing, in words (UETA section 2(8))."""
    return (
        f"I have read “{title}”. By typing my name and agreeing, I sign it {acts_as}."
        " I mean this to have the same effect as my signature on paper."
    )


def acting(party: Party, capacity: str, client_name: str) -> str:
    """In what capacity somebody signs, as it stands in the sentence."""
    if party is Party.CLIENT or capacity == SELF:
        return "for myself"
    if party is Party.GUARDIAN:
        return f"as {_REPRESENTED.get(capacity, 'representative')} of {client_name}"
    return f"as {capacity.replace('_', ' ')}"


def initials(name: str) -> str:
    """What a stranger is told of a name."""
    return "".join(f"{part[0].upper()}." for part in name.split()[:3])
