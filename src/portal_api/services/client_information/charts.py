"""A chart as its client sees it: what is in it, and over that what the caller wants changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, func, select

from portal_api.core.access import SELF, Profile
from portal_api.core.db import Read, Source
from portal_api.core.errors import NotFound
from portal_api.models.client_information import ClientChange
from portal_api.models.clients import Client, ClientGrant
from portal_api.services.client_information.rules import DEFAULTS, OF_POLICIES

NAMES = tuple(name for fields in DEFAULTS.values() for name in fields if name not in OF_POLICIES)
OF_A_HOUSEHOLD = ("email", "phone", "other_phones", "address", "emergency_contact")
"""May be another guardian's own: not shown where several act for a child (F6.M3)."""
_own = ClientChange.client_id == Client.id, ClientChange.account_id == bindparam("account_id")
_open = ClientChange.client_id == Client.id, ClientChange.state == "pending"
SEEN = Read(
    select(
        *(getattr(Client, name) for name in NAMES),
        select(ClientChange.fields).where(*_own, ClientChange.state == "pending").scalar_subquery().label("wanted"),
        select(func.jsonb_agg(ClientChange.fields)).where(*_open).correlate(Client).scalar_subquery().label("asked"),
        (
            Client.version
            + select(func.coalesce(func.sum(ClientChange.version), 0)).where(*_own).correlate(Client).scalar_subquery()
        ).label("version"),
        exists()
        .where(
            ClientGrant.client_id == Client.id,
            ClientGrant.relationship != SELF,
            ClientGrant.account_id != bindparam("account_id"),
            ClientGrant.is_live(),
        )
        .label("is_shared"),
    ).where(Client.id == bindparam("client_id"))
)


@dataclass(frozen=True, slots=True)
class Seen:
    """`values` by name; of those in `hidden` the chart's own are kept back.

    `filled`: what has a value, in the chart or in what anybody wants of it; it is the same for everybody.

    `version` grows with every change of the chart or of what the caller wants of it.
    """

    values: dict[str, Any]
    pending: list[str]
    hidden: frozenset[str]
    filled: frozenset[str]
    version: int

    def missing(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name not in self.filled]


async def seen(source: Source, profile: Profile, account_id: UUID | None) -> Seen:
    """The chart of the profile's client. Raises NotFound."""
    row = await source.row(SEEN, client_id=profile.client_id, account_id=account_id)
    if row is None:
        raise NotFound
    wanted = {name: restored(name, value) for name, value in _open_values(row["wanted"] or {}).items()}
    asked = {name: value for fields in row["asked"] or [] for name, value in _open_values(fields).items()}
    real = {name: row[name] for name in NAMES}
    hidden = frozenset(OF_A_HOUSEHOLD) if row["is_shared"] and not profile.is_own else frozenset[str]()
    blank: dict[str, Any] = {name: [] if name == "other_phones" else None for name in hidden}
    filled = frozenset(name for name, value in (real | asked).items() if value not in (None, [], {}))
    return Seen(real | blank | wanted, sorted(wanted), hidden, filled, int(row["version"]))


def _open_values(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: field["proposed"] for name, field in fields.items() if field["state"] == "pending"}


def stored(value: Any) -> Any:
    """A value as JSON holds it."""
    return value.isoformat() if isinstance(value, date) else value


def restored(name: str, value: Any) -> Any:
    """The same as the chart holds it."""
    return date.fromisoformat(value) if name == "date_of_birth" and value is not None else value
