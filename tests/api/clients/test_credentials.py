"""A login that staff hand out in person (F3.M5)."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text

from portal_api.models.auth import Account
from tests.entry import bound, client_login, invited, open_practice, set_portal
from tests.world import PASSWORD, Practice, World

STARTER = "blue lamp behind door 4"


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


async def put(practice: Practice, client: dict[str, Any], **body: Any) -> httpx.Response:
    return await practice.owner.put(f"/v1/clients/{client['id']}/credentials", body)


async def login(world: World, practice: Practice, email: str, password: str) -> httpx.Response:
    body = {"practice": practice.id, "email": email, "password": password}
    return await world.http.post("/v1/auth/login", json=body)


async def test_a_generated_password_is_shown_once_and_opens_the_change_of_it_only(
    world: World, practice: Practice
) -> None:
    """F3.M5, A05."""
    client, email = await world.client(practice.owner), world.email("client")
    given = (await put(practice, client, email=email, generate=True)).json()
    assert given["email"] == email
    caller = await world.sign_in(practice.id, email, given["starter_password"])
    assert caller.account["must_change_password"] is True
    assert caller.account["email_verified"] is False
    access = (await practice.owner.get(f"/v1/clients/{client['id']}/portal-access")).json()
    assert (access["state"], access["login"]["must_change_password"]) == ("active", True)
    refused = await caller.get("/v1/practitioners")
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
    change = {"current_password": given["starter_password"], "new_password": PASSWORD}
    assert (await caller.put("/v1/me/password", change)).status_code == 204
    chosen = await world.sign_in(practice.id, email)
    assert chosen.account["must_change_password"] is False
    assert (await chosen.get("/v1/practitioners")).status_code == 200


async def test_a_typed_password_is_not_repeated(world: World, practice: Practice) -> None:
    client, email = await world.client(practice.owner), world.email("client")
    given = await put(practice, client, email=email, starter_password=STARTER)
    assert given.json()["starter_password"] is None
    assert (await login(world, practice, email, STARTER)).status_code == 200


async def test_there_is_one_session_until_it_is_changed(world: World, practice: Practice) -> None:
    """F3.M5."""
    client, email = await world.client(practice.owner), world.email("client")
    await put(practice, client, email=email, starter_password=STARTER)
    first = await world.sign_in(practice.id, email, STARTER)
    await world.sign_in(practice.id, email, STARTER)
    refused = await world.http.post("/v1/auth/refresh", json={"refresh_token": first.refresh_token})
    assert refused.status_code == 401


async def test_it_lives_72_hours(world: World, practice: Practice) -> None:
    client, email = await world.client(practice.owner), world.email("client")
    await put(practice, client, email=email, starter_password=STARTER)
    async with bound(world, practice) as session:
        account = (await session.scalars(select(Account).where(Account.email_norm == email))).one()
        lives = account.starter_expires_at - account.password_changed_at  # type: ignore[operator]
        account.starter_expires_at = func.now()
    assert lives.total_seconds() == 72 * 3600
    assert (await login(world, practice, email, STARTER)).status_code == 401


@pytest.mark.whatever_rows
async def test_nothing_is_mailed_and_nothing_readable_is_kept(world: World, practice: Practice) -> None:
    """F3.M5."""
    client, email = await world.client(practice.owner), world.email("client")
    await put(practice, client, email=email, starter_password=STARTER)
    assert await world.mails(email) == []
    async with bound(world, practice) as session:
        rows = (await session.scalars(text("SELECT account::text FROM account"))).all()
        events = (await session.scalars(text("SELECT event::text FROM event"))).all()
    assert rows
    assert "credentials.set" in "".join(events)
    assert STARTER not in "".join([*rows, *events])


async def test_the_address_is_not_proved_by_it(world: World, practice: Practice) -> None:
    """A06."""
    client, email = await world.client(practice.owner), world.email("client")
    await put(practice, client, email=email, generate=True)
    async with bound(world, practice) as session:
        account = (await session.scalars(select(Account).where(Account.email_norm == email))).one()
    assert not account.self_verified


async def test_it_can_be_handed_out_anew_until_the_client_has_chosen(world: World, practice: Practice) -> None:
    client, email, corrected = await world.client(practice.owner), world.email("wrong"), world.email("right")
    first = (await put(practice, client, email=email, generate=True)).json()
    again = (await put(practice, client, email=corrected, generate=True)).json()
    assert (await login(world, practice, email, first["starter_password"])).status_code == 401
    assert (await login(world, practice, corrected, again["starter_password"])).status_code == 200


async def test_a_login_of_their_own_is_not_touched(world: World, practice: Practice) -> None:
    client, _ = await client_login(world, practice)
    refused = await put(practice, client, email=client["email"], starter_password=STARTER)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_linked")
    assert (await login(world, practice, client["email"], PASSWORD)).status_code == 200


async def test_somebody_elses_address_is_in_use(world: World, practice: Practice) -> None:
    known, _ = await client_login(world, practice)
    client = await world.client(practice.owner)
    for email in (known["email"].upper(), practice.owner_email):
        refused = await put(practice, client, email=email, generate=True)
        assert (refused.status_code, refused.json()["code"]) == (409, "email_in_use")


async def test_the_practice_can_turn_it_off(world: World, practice: Practice) -> None:
    """F3.M6."""
    await set_portal(practice, allow_staff_set_credentials=False)
    refused = await put(practice, await world.client(practice.owner), email=world.email(), generate=True)
    assert (refused.status_code, refused.json()["code"]) == (403, "staff_credentials_disabled")


async def test_an_open_invitation_ends(world: World, practice: Practice) -> None:
    client, token = await invited(world, practice)
    await put(practice, client, email=client["email"], generate=True)
    assert (await world.http.post("/v1/invitations/lookup", json={"token": token})).status_code == 410


@pytest.mark.parametrize(
    "body",
    [
        {"email": "a@b.example"},
        {"email": "a@b.example", "generate": True, "starter_password": STARTER},
        {"generate": True},
        {"email": "a@b.example", "starter_password": "password1234"},
        {"email": "a@b.example", "generate": True, "must_change_password": False},
    ],
)
async def test_bad_input_is_refused(world: World, practice: Practice, body: dict[str, Any]) -> None:
    assert (await put(practice, await world.client(practice.owner), **body)).status_code == 422


@pytest.mark.whatever_rows
async def test_the_audit_says_who_handed_it_out(world: World, practice: Practice) -> None:
    client = await world.client(practice.owner)
    await put(practice, client, email=world.email(), generate=True)
    query = text("SELECT actor_id, details FROM event WHERE type = 'credentials.set'")
    async with bound(world, practice) as session:
        row = (await session.execute(query)).one()
    assert row.actor_id == UUID(practice.owner.account["id"])
    assert row.details == {"generated": True, "renewed": False}
