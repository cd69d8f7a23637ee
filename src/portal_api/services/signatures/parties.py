"""Who is asked to sign, who the caller is among them, and whose turn it is (F8.B2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from portal_api.core.access import Profile
from portal_api.models.forms import SignerRole
from portal_api.models.signatures import Party

INTERN = "intern"
_GUARDIAN_ROLES = {SignerRole.GUARDIAN_ANY, SignerRole.GUARDIAN_EACH}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One of those whom a form, plan or document names: a role, and the account where it is one person's."""

    role: SignerRole
    account_id: UUID | None = None

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Wanted":
        account_id = stored.get("account_id")
        return cls(SignerRole(stored["role"]), UUID(account_id) if account_id else None)


@dataclass(frozen=True, slots=True)
class Given:
    """A signature that there is."""

    account_id: UUID
    party: Party
    capacity: str


@dataclass(frozen=True, slots=True)
class Signer:
    """As what the caller may sign."""

    account_id: UUID
    party: Party
    capacity: str

    @classmethod
    def acting(cls, account_id: UUID, profile: Profile) -> "Signer":
        return cls(account_id, Party.CLIENT if profile.is_own else Party.GUARDIAN, profile.relationship)


@dataclass(frozen=True, slots=True)
class Slot:
    """A signature that is wanted. Those of one position are given in any order; account_id: by this person alone."""

    position: int
    party: Party
    account_id: UUID | None = None
    by_guardians: bool = False
    """Of a client's: those who act for the client may give it too."""

    def fits(self, account_id: UUID, party: Party) -> bool:
        if self.account_id is not None:
            return self.account_id == account_id
        return self.party is party or (self.by_guardians and party is Party.GUARDIAN)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a paper is: each wanted signature, and the one that was given."""

    slots: tuple[tuple[Slot, Given | None], ...]
    in_order: bool = True

    @property
    def is_complete(self) -> bool:
        return bool(self.slots) and all(given for _, given in self.slots)

    @property
    def next_slot(self) -> Slot | None:
        """The first signature that is still wanted."""
        return next((slot for slot, given in self.slots if given is None), None)

    def place_of(self, candidates: Iterable[Signer]) -> tuple[Slot, Signer] | str:
        """The signature that the caller is to give now; else why there is none, as Signing has it."""
        candidates = list(candidates)
        accounts = {candidate.account_id for candidate in candidates}
        if any(given and given.account_id in accounts for _, given in self.slots):
            return "already_signed"
        waiting = [slot for slot, given in self.slots if given is None]
        mine = [(slot, c) for slot in waiting for c in candidates if slot.fits(c.account_id, c.party)]
        if not mine:
            return "not_asked"
        if self.in_order and mine[0][0].position > min(slot.position for slot in waiting):
            return "not_your_turn"
        return mine[0]


def standing(
    wanted: Sequence[Wanted], guardians: Sequence[UUID], given: Sequence[Given], *, all_guardians: bool, in_order: bool
) -> Standing:
    """Who has signed of those who are to.

    guardians: the accounts that may sign for the client now. all_guardians: the custody record says that each of them
    must (F6.B2). given: in the order of time; each counts once.
    """
    left = list(given)
    places: list[tuple[Slot, Given | None]] = []
    for slot in _slots(_supervised(wanted, given), guardians, all_guardians=all_guardians):
        found = next((one for one in left if slot.fits(one.account_id, one.party)), None)
        if found is not None:
            left.remove(found)
        places.append((slot, found))
    return Standing(tuple(places), in_order)


def _supervised(wanted: Sequence[Wanted], given: Sequence[Given]) -> list[Wanted]:
    """What an intern has signed is signed by a supervisor too, next after it (F20.M6)."""
    roles = [one.role for one in wanted]
    by_intern = any(one.party is Party.PRACTITIONER and one.capacity == INTERN for one in given)
    if not by_intern or SignerRole.SUPERVISOR in roles or SignerRole.PRACTITIONER not in roles:
        return list(wanted)
    after = roles.index(SignerRole.PRACTITIONER) + 1
    return [*wanted[:after], Wanted(SignerRole.SUPERVISOR), *wanted[after:]]


def _slots(wanted: Sequence[Wanted], guardians: Sequence[UUID], *, all_guardians: bool) -> list[Slot]:
    """Without guardians who are asked by name of their role, a client's signature may be given by who acts for them."""
    asked_apart = any(one.role in _GUARDIAN_ROLES for one in wanted)
    slots: list[Slot] = []
    for position, one in enumerate(wanted):
        each = one.role is SignerRole.GUARDIAN_EACH or (one.role is SignerRole.CLIENT and all_guardians)
        if one.account_id is not None:
            slots.append(Slot(position, _PARTIES[one.role], one.account_id))
        elif each and guardians and not (one.role is SignerRole.CLIENT and asked_apart):
            slots += [Slot(position, Party.GUARDIAN, guardian) for guardian in guardians]
        else:
            by_guardians = one.role is SignerRole.CLIENT and not asked_apart
            slots.append(Slot(position, _PARTIES[one.role], by_guardians=by_guardians))
    return slots


_PARTIES = {
    SignerRole.CLIENT: Party.CLIENT,
    SignerRole.GUARDIAN_ANY: Party.GUARDIAN,
    SignerRole.GUARDIAN_EACH: Party.GUARDIAN,
    SignerRole.PRACTITIONER: Party.PRACTITIONER,
    SignerRole.SUPERVISOR: Party.SUPERVISOR,
}
