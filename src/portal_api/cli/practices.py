"""`portal-api practice ...`: what only the operator of an installation does."""

import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import and_, select

from portal_api.cli.console import CannotStart, result
from portal_api.cli.operating import operate, operator
from portal_api.core.db import Binding, Session
from portal_api.core.ids import LOBBY
from portal_api.core.passwords import generate
from portal_api.core.tools import Tools
from portal_api.models.practices import Practice, PracticeLink
from portal_api.schemas.practices import PracticeCreate
from portal_api.services import portal, practices, staff
from portal_api.services.auth import practice_door

DIRECTORY = (
    select(Practice.id, PracticeLink.slug, Practice.name)
    .outerjoin(PracticeLink, and_(PracticeLink.practice_id == Practice.id, PracticeLink.is_current))
    .order_by(Practice.id)
)


def run(arguments: Namespace) -> int:
    verbs = {
        "create": _create,
        "change-link": _change_link,
        "list": _list,
        "reset-second-factor": _reset_second_factor,
    }
    verbs[arguments.verb](arguments)
    return 0


def _create(arguments: Namespace) -> None:
    given = arguments.password_stdin
    password = sys.stdin.readline().rstrip("\r\n") if given else generate()
    data = _registration(arguments, password)

    async def work(tools: Tools) -> UUID:
        async with tools.database.session(Binding()) as session:
            registered = await practices.register(session, operator(), data)
        return UUID(str(registered["practice"]["id"]))

    practice_id = operate(work)
    result(f"practice {practice_id}")
    if not given:
        result(f"password of {data.owner.email}, shown only now: {password}")


def _registration(arguments: Namespace, password: str) -> PracticeCreate:
    owner = {
        "email": arguments.owner_email,
        "password": password,
        "given_name": arguments.owner_given_name,
        "family_name": arguments.owner_family_name,
    }
    body = {"name": arguments.name, "time_zone": arguments.time_zone, "country": arguments.country, "owner": owner}
    try:
        return PracticeCreate.model_validate(body)
    except ValidationError as error:
        faults = "\n".join(f"  {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise CannotStart(f"The practice cannot be registered like this:\n{faults}") from None


def _change_link(arguments: Namespace) -> None:
    async def work(session: Session) -> None:
        await portal.change_link(session, operator(), arguments.slug)

    _within(arguments.practice, work)
    result(f"{arguments.practice} is now {arguments.slug}")


def _reset_second_factor(arguments: Namespace) -> None:
    async def work(session: Session) -> None:
        await staff.reset_second_factor_as_operator(session, operator(), arguments.email)

    _within(arguments.practice, work)
    result(f"{arguments.email} signs in with the password alone, and is told so by mail")


def _within(practice: str, work: Callable[[Session], Awaitable[None]]) -> None:
    """Do the work in one transaction of the practice with this link or id."""

    async def enter(tools: Tools) -> None:
        practice_id = await practice_door.find(tools.database, practice)
        if practice_id is None:
            raise CannotStart(f"There is no practice {practice}: `portal-api practice list` shows all.")
        async with tools.database.session(Binding.system(practice_id)) as session:
            await work(session)

    operate(enter)


def _list(_arguments: Namespace) -> None:
    async def work(tools: Tools) -> list[tuple[UUID, str | None, str]]:
        async with tools.database.session(Binding.system(LOBBY)) as session:
            return [(row.id, row.slug, row.name) for row in await session.execute(DIRECTORY)]

    for practice_id, slug, name in operate(work):
        result(f"{practice_id}  {slug or '-':<24}  {name}")
