"""The development room in the browser: what its page may do, and whom it shows to whom."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.meetings import Meeting, Sql, arranged, refusal
from tests.people import client_login
from tests.world import World

from portal_api.core.config import Settings
from portal_api.main import create_app


@pytest.fixture
async def meeting(world: World, sql: Sql) -> Meeting:
    return await arranged(world, sql)


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as client:
        yield client


class Page:
    """An open page: what its script does with a ticket."""

    def __init__(self, browser: httpx.AsyncClient, ticket: dict[str, Any]) -> None:
        self.browser, self.ticket, self.connection = browser, ticket, ""

    async def ask(self, what: str, secret: str) -> httpx.Response:
        return await self.browser.post(f"/dev/video/{what}", headers={"Authorization": f"Bearer {secret}"})

    async def open(self) -> dict[str, Any]:
        response = await self.ask("connections", self.ticket["token"])
        assert response.status_code == 200, response.text
        room: dict[str, Any] = response.json()
        self.connection = room["connection"]
        return room

    async def look(self) -> dict[str, str]:
        """State by name."""
        response = await self.ask("people", self.connection)
        assert response.status_code == 200, response.text
        return {person["name"]: person["state"] for person in response.json()["people"]}

    async def leave(self) -> None:
        assert (await self.ask("departure", self.connection)).status_code == 204


@pytest.mark.parametrize("path", ["/dev/video", "/dev/video/room.js", "/dev/video/room.css"])
async def test_the_page_runs_its_own_script_and_reaches_its_own_server(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get(path)
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy and "http" not in policy
    assert response.headers["Cache-Control"] == "no-store"
    assert "http://" not in response.text and "https://" not in response.text


async def test_a_host_sees_who_waits_and_a_client_sees_nobody(meeting: Meeting, browser: httpx.AsyncClient) -> None:
    client = Page(browser, (await meeting.join()).json())
    host = Page(browser, (await meeting.host()).json())
    assert (await host.open())["admitted"] is True
    room = await client.open()
    assert (room["admitted"], room["people"], room["me"]["name"]) == (False, [], "Grace")
    assert await host.look() == {"Ada Harbor": "present", "Grace": "waiting"}
    await meeting.admit()
    assert await client.look() == {"Ada Harbor": "present", "Grace": "present"}
    await client.leave()
    assert await host.look() == {"Ada Harbor": "present"}
    recorded = [(type, who) for type, who, _ in await meeting.events() if type in ("video.joined", "video.left")]
    assert recorded == [("video.joined", "system"), ("video.joined", "system"), ("video.left", "system")]


async def test_a_page_that_stays_open_keeps_somebody_waiting(meeting: Meeting, browser: httpx.AsyncClient) -> None:
    page = Page(browser, (await meeting.join()).json())
    await page.open()
    meeting.sql(
        "UPDATE video_participant SET seen_at = now() - interval '3 minutes' WHERE appointment_id = %s",
        meeting.appointment_id,
    )
    assert await meeting.people() == {"Grace": "gone"}
    await page.look()
    assert await meeting.people() == {"Grace": "waiting"}


async def test_those_who_wait_are_not_shown_to_other_clients(meeting: Meeting, browser: httpx.AsyncClient) -> None:
    """F11.M4"""
    other = (await meeting.world.client(meeting.owner, given_name="Rosa"))["id"]
    meeting.takes_part(other)
    partner = await client_login(meeting.world, meeting.practice, other)
    inside, outside = Page(browser, (await meeting.join(partner)).json()), Page(browser, (await meeting.join()).json())
    await inside.open()
    await outside.open()
    await meeting.admit(inside.ticket)
    assert await inside.look() == {"Rosa": "present"}
    assert await outside.look() == {}


async def test_of_two_pages_the_newest_counts(meeting: Meeting, browser: httpx.AsyncClient) -> None:
    ticket = (await meeting.host()).json()
    first, second = Page(browser, ticket), Page(browser, ticket)
    await first.open()
    await second.open()
    await first.leave()
    assert await second.look() == {"Ada Harbor": "present"}


async def test_a_moved_or_cancelled_appointment_empties_the_room(meeting: Meeting, browser: httpx.AsyncClient) -> None:
    pages = [Page(browser, (await meeting.host()).json()), Page(browser, (await meeting.join()).json())]
    for page in pages:
        await page.open()
    meeting.change("starts_at = starts_at + interval '5 minutes'")
    assert refusal(await pages[0].ask("people", pages[0].connection)) == (409, "ended")
    meeting.change("starts_at = starts_at - interval '5 minutes', state = 'cancelled', cancelled_at = now()")
    for page in pages:
        assert refusal(await page.ask("people", page.connection)) == (409, "ended")
        await page.leave()


async def test_whose_access_ends_is_put_out_of_the_page(meeting: Meeting, browser: httpx.AsyncClient) -> None:
    """F11.M2"""
    await meeting.join()
    await meeting.admit()
    page = Page(browser, (await meeting.join()).json())
    await page.open()
    path = f"/v1/clients/{meeting.client_id}/portal-access"
    meeting.sql("UPDATE client SET portal_state = 'active' WHERE id = %s", meeting.client_id)
    assert (await meeting.owner.patch(path, {"state": "suspended"})).status_code == 200
    assert refusal(await page.ask("people", page.connection)) == (409, "ended")


async def test_nothing_but_a_ticket_opens_it(meeting: Meeting, browser: httpx.AsyncClient) -> None:
    page = Page(browser, (await meeting.host()).json())
    await page.open()
    ticket, connection = page.ticket["token"], page.connection
    assert refusal(await browser.post("/dev/video/connections")) == (401, "unauthenticated")
    for what, secret in (
        ("connections", ""),
        ("connections", "nonsense"),
        ("connections", connection),
        ("connections", ticket[:-1] + ("A" if ticket[-1] != "A" else "B")),
        ("connections", meeting.owner.access_token),
        ("people", ticket),
        ("departure", ticket),
    ):
        assert refusal(await page.ask(what, secret)) == (401, "unauthenticated")


async def test_the_page_is_no_part_of_the_contract_nor_of_another_provider(settings: Settings) -> None:
    named = {"video_provider": "jitsi", "video_url": "https://meet.example", "video_key": "harbor"}
    app: FastAPI = create_app(settings.model_copy(update=named))
    assert not any(path.startswith("/dev/") for path in app.openapi()["paths"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as http:
        assert (await http.get("/dev/video")).status_code == 404
