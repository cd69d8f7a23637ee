"""People without a chart ask for a time on the public page; nobody is bothered before their address is verified."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from portal_api.core.access import Role
from portal_api.core.limits import Limiter
from tests.api.scheduling.desk import HOUR, instant
from tests.api.scheduling.held_time import Sql
from tests.api.scheduling.reception import MINE, REQUESTS, TUESDAY, Reception, open_reception
from tests.entry import accept, invite
from tests.people import colleague
from tests.world import PASSWORD, World

VARIABLE = {"x-request-id", "date"}


@pytest.fixture
async def reception(world: World) -> Reception:
    """A reception whose practice takes requests of people without a chart."""
    reception = await open_reception(world)
    await reception.set_portal(allow_new_client_requests=True)
    return reception


def page(reception: Reception) -> str:
    return f"/v1/portals/h-{reception.practice.id[-12:]}"


async def ask(reception: Reception, email: str, at: Any = TUESDAY, **fields: Any) -> httpx.Response:
    body = {
        "practitioner_id": reception.practice.staff_id,
        "service_id": reception.service_id,
        "starts_at": instant(at),
        "mode": "video",
        "email": email,
        "given_name": "Nina",
        "family_name": "Newcomer",
    }
    return await reception.world.http.post(f"{page(reception)}/appointment-requests", json=body | fields)


async def asked(reception: Reception, **fields: Any) -> str:
    """Somebody new has asked; their address, which is not verified yet."""
    email = reception.world.email("nina")
    response = await ask(reception, email, **fields)
    assert response.status_code == 202, response.text
    return email


async def verify(reception: Reception, email: str) -> None:
    """The holder of the address opens the mailed link."""
    token = await reception.world.mailed_token(email)
    response = await reception.world.http.post("/v1/auth/email-verification", json={"token": token})
    assert response.status_code == 204, response.text


async def confirmed(reception: Reception, **fields: Any) -> tuple[str, dict[str, Any]]:
    """Somebody's address, and their request as staff see it."""
    email = await asked(reception, **fields)
    await verify(reception, email)
    newest, *_ = (await reception.owner.get(REQUESTS)).json()["data"]
    return email, newest


async def prospects(reception: Reception) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await reception.owner.get("/v1/prospects")).json()["data"]
    return found


async def free(reception: Reception, at: Any = TUESDAY) -> bool:
    """Whether newcomers are offered the time."""
    query = {"service_id": reception.service_id, "from": at.date().isoformat(), "to": at.date().isoformat()}
    response = await reception.world.http.get(f"{page(reception)}/slots", params=query)
    assert response.status_code == 200, response.text
    return instant(at) in {slot["starts_at"] for slot in response.json()["data"]}


def seen(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """What a stranger can compare."""
    headers = {name: value for name, value in response.headers.items() if name not in VARIABLE}
    return response.status_code, response.content, headers


@contextmanager
def statements() -> Iterator[list[str]]:
    """What sessions send to the database meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class TestWhereItIsOpen:
    async def test_it_is_closed_until_the_practice_allows_it(self, world: World) -> None:
        """The same 404 as for a link that nobody has; nothing is written."""
        reception = await open_reception(world)
        closed = await ask(reception, world.email())
        body = closed.request.read()
        headers = {"content-type": "application/json"}
        unknown = await world.http.post("/v1/portals/nobody-has/appointment-requests", content=body, headers=headers)
        assert (closed.status_code, unknown.status_code) == (404, 404)
        telling = {"request_id"}
        assert {k: v for k, v in closed.json().items() if k not in telling} == {
            k: v for k, v in unknown.json().items() if k not in telling
        }
        assert await prospects(reception) == []

    @pytest.mark.parametrize("off", ["feature", "portal", "setting"])
    async def test_each_switch_closes_it(self, reception: Reception, off: str) -> None:
        match off:
            case "feature":
                await reception.switch(appointment_requests=False)
            case "portal":
                await reception.owner.post("/v1/practice/portal/disable")
            case _:
                await reception.set_portal(allow_new_client_requests=False)
        assert (await ask(reception, reception.world.email())).status_code == 404

    async def test_signup_need_not_be_open(self, reception: Reception) -> None:
        assert (await reception.owner.get("/v1/practice/portal")).json()["allow_client_signup"] is False
        assert (await ask(reception, reception.world.email())).status_code == 202

    async def test_only_what_newcomers_are_offered(self, reception: Reception) -> None:
        """A23"""
        for_known = await reception.add_service(audience="existing", slot_interval_minutes=60)
        refused = await ask(reception, reception.world.email(), service_id=for_known)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_offered")
        await reception.request()
        taken = await ask(reception, reception.world.email())
        assert (taken.status_code, taken.json()["code"]) == (409, "slot_taken")
        assert instant(TUESDAY + HOUR) in {slot["starts_at"] for slot in taken.json()["alternatives"]}
        assert await prospects(reception) == []

    @pytest.mark.parametrize("field", ["client_id", "state", "account_id", "prospect_id", "practice_id", "roles"])
    async def test_nobody_chooses_more_than_the_form_has(self, reception: Reception, field: str) -> None:
        """A08"""
        refused = await ask(reception, reception.world.email(), **{field: reception.client_id})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{field}")


class TestBeforeVerification:
    async def test_nobody_is_bothered(self, reception: Reception) -> None:
        email = await asked(reception, note="Call me Nina.")
        assert await reception.listed() == []
        mails = await reception.world.mails(reception.practice.owner_email)
        assert [mail.subject for mail in mails if "request" in mail.subject] == []
        (prospect,) = await prospects(reception)
        assert (prospect["email"], prospect["state"]) == (email, "new")

    async def test_it_holds_no_time_unless_the_practice_says_so(self, reception: Reception) -> None:
        """F4.M4: 0 by default, so that nobody fills a calendar with addresses that are nobody's (A25)."""
        await asked(reception)
        assert await free(reception)
        await reception.set_portal(unverified_request_limit=1)
        await asked(reception)
        assert not await free(reception)

    async def test_an_unverified_address_holds_one_at_most(self, reception: Reception) -> None:
        """F4.M4: the second answers alike and holds nothing."""
        await reception.set_portal(unverified_request_limit=1)
        email = await asked(reception)
        second = await ask(reception, email, TUESDAY + HOUR)
        assert second.status_code == 202
        assert (await free(reception), await free(reception, TUESDAY + HOUR)) == (False, True)

    async def test_the_hold_of_an_unverified_address_is_short(self, reception: Reception, sql: Sql) -> None:
        await reception.set_portal(unverified_request_limit=1)
        await asked(reception)
        ((minutes,),) = sql(
            "SELECT extract(epoch FROM expires_at - now()) / 60 FROM calendar_claim WHERE practice_id = %s",
            reception.practice.id,
        )
        assert 25 < minutes <= 30
        sql("UPDATE calendar_claim SET expires_at = now() WHERE practice_id = %s", reception.practice.id)
        assert await free(reception)


class TestAfterVerification:
    async def test_the_request_comes_before_the_practice(self, reception: Reception) -> None:
        _, request = await confirmed(reception, note="Call me Nina.", phone="+14155552671")
        assert (request["state"], request["client_id"], request["note"]) == ("requested", None, "Call me Nina.")
        (prospect,) = await prospects(reception)
        assert await reception.listed(prospect_id=prospect["id"]) == [request["id"]]
        assert await reception.listed(prospect_id=reception.client_id) == []
        assert request["requester"] == {
            "client_id": None,
            "prospect_id": prospect["id"],
            "given_name": "Nina",
            "family_name": "Newcomer",
            "preferred_name": None,
        }
        assert (prospect["state"], prospect["phone"]) == ("verified", "+14155552671")
        assert not await free(reception)
        await reception.world.mail(reception.practice.owner_email, "appointment request")

    async def test_the_code_does_as_well(self, reception: Reception) -> None:
        """F4.B1"""
        email = await asked(reception)
        code = await reception.world.mailed_code(email)
        body = {"practice": reception.practice.id, "email": email, "code": code}
        assert (await reception.world.http.post("/v1/auth/email-verification", json=body)).status_code == 204
        assert len(await reception.listed()) == 1

    async def test_so_does_the_word_of_staff(self, reception: Reception) -> None:
        """F4.M3"""
        await asked(reception)
        (prospect,) = await prospects(reception)
        assert (await reception.owner.post(f"/v1/prospects/{prospect['id']}/verify")).status_code == 200
        assert len(await reception.listed()) == 1

    async def test_a_time_that_has_gone_meanwhile_is_told(self, reception: Reception) -> None:
        email = await asked(reception)
        await reception.request()
        await verify(reception, email)
        assert len(await reception.listed()) == 1
        await reception.world.mail(email, "no longer free")

    async def test_it_waits_no_more_once_the_page_is_closed(self, reception: Reception) -> None:
        email = await asked(reception)
        await reception.set_portal(allow_new_client_requests=False)
        await verify(reception, email)
        assert await reception.listed() == []

    async def test_a_prospect_may_ask_again_and_confirms_again(self, reception: Reception) -> None:
        email, first = await confirmed(reception)
        assert (await ask(reception, email, TUESDAY + HOUR)).status_code == 202
        assert await reception.listed() == [first["id"]]
        await verify(reception, email)
        assert len(await reception.listed(state="requested")) == 2
        assert len(await prospects(reception)) == 1

    async def test_three_of_a_newcomer_wait_at_most(self, reception: Reception) -> None:
        """A25"""
        email, _ = await confirmed(reception)
        for n in range(1, 5):
            await ask(reception, email, TUESDAY + n * HOUR)
            await verify(reception, email)
        assert len(await reception.listed(state="requested")) == 3


class TestAnswering:
    async def test_it_is_accepted_once_the_person_is_a_client(self, reception: Reception) -> None:
        _, request = await confirmed(reception)
        refused = await reception.answer("accept", request)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_a_client")
        prospect_id = refused.json()["prospect_id"]
        made = await reception.owner.post(f"/v1/prospects/{prospect_id}/create-client")
        assert made.status_code == 201, made.text
        accepted = await reception.answered("accept", request)
        assert accepted["appointment"]["client_id"] == made.json()["id"]

    async def test_the_new_client_finds_it_in_the_portal(self, reception: Reception) -> None:
        email, request = await confirmed(reception, password=PASSWORD)
        await reception.owner.post(f"/v1/prospects/{request['requester']['prospect_id']}/create-client")
        nina = await reception.world.sign_in(reception.practice.id, email)
        (mine,) = (await nina.get(MINE)).json()["data"]
        assert (mine["id"], mine["state"]) == (request["id"], "requested")
        at = TUESDAY + 2 * HOUR
        await reception.answered("counter-offer", request, starts_at=instant(at))
        taken = await reception.reply("accept", request, by=nina)
        assert (taken.status_code, taken.json()["state"]) == (200, "accepted")

    async def test_without_a_password_one_is_chosen_by_mail(self, reception: Reception) -> None:
        world = reception.world
        email, request = await confirmed(reception)
        await reception.owner.post(f"/v1/prospects/{request['requester']['prospect_id']}/create-client")
        mail = await world.mail(email, "choose a password")
        assert "/forgot-password" in mail.text
        await world.http.post("/v1/auth/password-reset", json={"practice": reception.practice.id, "email": email})
        token = await world.mailed_token(email, "password")
        reset = await world.http.post(
            "/v1/auth/password-reset/confirm", json={"token": token, "new_password": PASSWORD}
        )
        assert reset.status_code == 204, reset.text
        nina = await world.sign_in(reception.practice.id, email)
        assert len((await nina.get(MINE)).json()["data"]) == 1

    async def test_before_the_address_is_verified_no_password_is_chosen(self, reception: Reception) -> None:
        """A06: a reset link goes only where mail is known to reach the person who asked."""
        email = await asked(reception)
        reset = {"practice": reception.practice.id, "email": email}
        assert (await reception.world.http.post("/v1/auth/password-reset", json=reset)).status_code == 202
        assert [mail for mail in await reception.world.mails(email) if "password" in mail.subject.lower()] == []

    async def test_who_is_invited_too_takes_the_request_along(self, reception: Reception) -> None:
        email, request = await confirmed(reception, password=PASSWORD)
        chart = await reception.world.client(reception.owner, email=email)
        await invite(reception.world, reception.owner, chart)
        nina = await accept(reception.world, await reception.world.mailed_token(email, "invitation"))
        (mine,) = (await nina.get(MINE)).json()["data"]
        assert (mine["id"], mine["client_id"]) == (request["id"], chart["id"])

    async def test_an_undone_association_takes_the_request_along(self, reception: Reception, world: World) -> None:
        """A07"""
        _, request = await confirmed(reception)
        prospect_id, wrong = request["requester"]["prospect_id"], await reception.add_client()
        path = f"/v1/prospects/{prospect_id}"
        assert (await reception.owner.post(f"{path}/associate", {"client_id": wrong})).status_code == 200
        shown = (await reception.owner.get(f"{REQUESTS}/{request['id']}")).json()
        assert shown["client_id"] == wrong
        assert (await reception.owner.post(f"{path}/dissociate")).status_code == 200
        shown = (await reception.owner.get(f"{REQUESTS}/{request['id']}")).json()
        assert (shown["client_id"], shown["state"]) == (None, "requested")

    async def test_it_can_be_declined_at_once(self, reception: Reception) -> None:
        email, request = await confirmed(reception)
        assert (await reception.answered("decline", request))["state"] == "declined"
        assert await free(reception)
        await reception.world.mail(email, "cannot offer you the time")

    async def test_turning_the_person_down_ends_their_requests(self, reception: Reception) -> None:
        _, request = await confirmed(reception)
        await reception.owner.post(f"/v1/prospects/{request['requester']['prospect_id']}/reject")
        assert (await reception.owner.get(f"{REQUESTS}/{request['id']}")).json()["state"] == "declined"
        assert await free(reception)

    async def test_a_practitioner_sees_who_asks_without_managing_prospects(
        self, reception: Reception, world: World
    ) -> None:
        other_id, other = await reception.colleague()
        await reception.hours(other_id)
        await confirmed(reception, practitioner_id=other_id)
        (request,) = (await other.get(REQUESTS)).json()["data"]
        assert request["requester"]["given_name"] == "Nina"
        assert (await other.get("/v1/prospects")).status_code == 403
        scheduler, _ = await colleague(world, reception.practice, Role.SCHEDULER)
        assert await reception.listed(scheduler) == [request["id"]]


class TestEnumeration:
    @pytest.mark.parametrize("limit", [0, 1])
    async def test_known_and_unknown_addresses_are_answered_alike(self, reception: Reception, limit: int) -> None:
        """A01: also by what the calendar shows afterwards."""
        await reception.set_portal(unverified_request_limit=limit)
        prospect, _ = await confirmed(reception, at=TUESDAY - HOUR)
        who = {
            "unknown": reception.world.email(),
            "prospect": prospect,
            "client": reception.client.account["email"],
            "staff": reception.practice.owner_email,
        }
        answers = {}
        for n, (kind, email) in enumerate(who.items()):
            at = TUESDAY + n * HOUR
            answers[kind] = (seen(await ask(reception, email, at)), await free(reception, at))
        assert [kind for kind, answer in answers.items() if answer != answers["unknown"]] == []
        assert answers["unknown"][0][0] == 202
        assert "already have an account" in (await reception.world.mail(who["client"], "already have")).text.lower()

    @pytest.mark.parametrize("limit", [0, 1])
    async def test_known_and_unknown_addresses_cost_the_same_statements(self, reception: Reception, limit: int) -> None:
        """A01"""
        await reception.set_portal(unverified_request_limit=limit)
        prospect, _ = await confirmed(reception, at=TUESDAY - HOUR)
        costs = []
        for n, email in enumerate((reception.world.email(), prospect, reception.client.account["email"])):
            with statements() as sent:
                await ask(reception, email, TUESDAY + n * HOUR)
            costs.append([" ".join(line.split()[:3]) for line in sent if not line.startswith(("RELEASE", "ROLLBACK"))])
        assert costs[0] == costs[1] == costs[2]
        assert "INSERT INTO appointment_request" in costs[0]

    async def test_nobody_asks_in_a_clients_name(self, reception: Reception) -> None:
        """The chart with this address gets nothing, and what was asked for never becomes more."""
        email = reception.client.account["email"]
        await ask(reception, email)
        assert (await reception.client.get(MINE)).json()["data"] == []
        resend = {"practice": reception.practice.id, "email": email}
        await reception.world.http.post("/v1/auth/email-verification/resend", json=resend)
        await verify(reception, email)
        assert await reception.listed() == []
        for n in range(10):  # nor does it count against them
            assert (await reception.wish(TUESDAY + n * HOUR)).status_code == 201

    async def test_two_at_once_with_one_address_make_one_account(self, reception: Reception) -> None:
        email = reception.world.email()
        answers = await asyncio.gather(*(ask(reception, email, TUESDAY + n * HOUR) for n in range(4)))
        assert {answer.status_code for answer in answers} == {202}
        assert len(await prospects(reception)) == 1

    async def test_a_network_has_five_an_hour(self, reception: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
        """F4.M5, A25: together with signing up."""
        world = reception.world
        database = world.tools.database
        monkeypatch.setattr(database, "tools", replace(world.tools, limiter=Limiter(database)))
        transport = httpx.ASGITransport(world.app, client=("100.64.7.7", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as stranger:
            monkeypatch.setattr(world, "http", stranger)
            answers = [await ask(reception, world.email(), TUESDAY + n * HOUR) for n in range(6)]
        assert [answer.status_code for answer in answers] == [202] * 5 + [429]
