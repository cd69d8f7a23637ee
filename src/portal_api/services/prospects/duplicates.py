"""Which clients a prospect may be: shown with reasons, never linked by themselves (F5.M6)."""

import re
import unicodedata
from typing import Any

from sqlalchemy import bindparam, exists, func, or_, select

from portal_api.core.db import Read, Rows, Source
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.schemas.base import normal_email

SIMILAR = 0.5
SHOWN = 20
COMPARED = 1000
"""So many of the newest clients with one of the initials have their names compared."""


def _current_clients() -> Rows:
    login = exists().where(
        ClientGrant.client_id == Client.id, ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None)
    )
    return select(
        Client.id.label("client_id"),
        Client.given_name,
        Client.family_name,
        Client.preferred_name,
        Client.date_of_birth,
        Client.email,
        Client.phone,
        login.label("has_login"),
    ).where(Client.archived_at.is_(None), Client.is_test.is_(False))


# Equality is leakproof, so each of the three is looked up in its index below row-level security.
SAME = Read(
    _current_clients()
    .where(
        or_(
            Client.email_norm == bindparam("email_norm"),
            Client.phone == bindparam("phone"),
            Client.date_of_birth == bindparam("date_of_birth"),
        )
    )
    .order_by(Client.id.desc())
    .limit(COMPARED)
)
ALIKE = Read(
    _current_clients()
    .where(
        or_(
            func.lower(func.left(Client.given_name, 1)) == bindparam("given_initial"),
            func.lower(func.left(Client.family_name, 1)) == bindparam("family_initial"),
        )
    )
    .order_by(Client.id.desc())
    .limit(COMPARED)
)


async def find(source: Source, prospect: dict[str, Any]) -> list[dict[str, Any]]:
    """The likeliest clients, those with most reasons first."""
    same = await source.rows(
        SAME,
        email_norm=normal_email(prospect["email"]),
        phone=prospect["phone"],
        date_of_birth=prospect["date_of_birth"],
    )
    alike = await source.rows(
        ALIKE,
        given_initial=prospect["given_name"][0].lower(),
        family_initial=prospect["family_name"][0].lower(),
    )
    clients = {row["client_id"]: row for row in same + alike}
    candidates = [_compared(client, prospect) for client in clients.values()]
    found = [candidate for candidate in candidates if candidate["reasons"]]
    found.sort(key=lambda candidate: (len(candidate["reasons"]), candidate["score"]), reverse=True)
    return found[:SHOWN]


def _compared(client: dict[str, Any], prospect: dict[str, Any]) -> dict[str, Any]:
    score = _likeness(_words(client), _words(prospect))
    same_birth = client["date_of_birth"] is not None and client["date_of_birth"] == prospect["date_of_birth"]
    reasons = {
        "email": client["email"] is not None and normal_email(client["email"]) == normal_email(prospect["email"]),
        "phone": client["phone"] is not None and client["phone"] == prospect["phone"],
        "date_of_birth_and_name": same_birth and score == 1,
        "similar_name": score >= SIMILAR,
    }
    return client | {"reasons": [reason for reason, holds in reasons.items() if holds], "score": round(score, 2)}


def _words(person: dict[str, Any]) -> frozenset[str]:
    """The words of the name, without case, accents and punctuation."""
    decomposed = unicodedata.normalize("NFKD", f"{person['given_name']} {person['family_name']}".casefold())
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return frozenset(re.findall(r"[^\W_]+", letters))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of three-letter pieces that two names have in common, as pg_trgm counts them."""
    if one == other:
        return 1.0
    these, those = _pieces(one), _pieces(other)
    return len(these & those) / max(1, len(these | those))


def _pieces(words: frozenset[str]) -> set[str]:
    padded = [f"  {word} " for word in words]
    return {word[start : start + 3] for word in padded for start in range(len(word) - 2)}
