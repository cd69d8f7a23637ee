"""What the holder of a link may see before accepting."""

import re

import httpx
import pytest
from sqlalchemy import text

from portal_api.schemas.base import masked_email
from tests.entry import (
    accept,
    add_staff,
    bound,
    client_login,
    expire,
    invite,
    invited,
    open_practice,
)
from tests.world import Practice, World


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


async def lookup(world: World, token: str, **options: object) -> httpx.Response:
    return await world.http.post("/v1/invitations/lookup", json={"token": token}, **options)  # type: ignore[arg-type]


async def test_it_says_who_invites_whom_and_what_accepting_needs(world: World, practice: Practice) -> None:
    _, token = await invited(world, practice, date_of_birth="1990-04-01")
    offer = (await lookup(world, token)).json()
    assert offer["practice_name"] == "Harbor Therapy"
    assert offer["email"] == "c***@h***.example"
    assert (offer["kind"], offer["state"]) == ("client", "pending")
    assert (offer["date_of_birth_required"], offer["existing_account"]) == (True, False)


async def test_a_date_of_birth_is_asked_only_where_the_chart_has_one(world: World, practice: Practice) -> None:
    _, token = await invited(world, practice)
    assert (await lookup(world, token)).json()["date_of_birth_required"] is False


async def test_ten_looks_use_nothing_up(world: World, practice: Practice) -> None:
    """A04, F3.B1."""
    client, token = await invited(world, practice)
    for _ in range(10):
        assert (await lookup(world, token)).status_code == 200
    assert (await accept(world, token)).account["email"] == client["email"]


async def test_an_address_with_a_login_is_told_to_use_it(world: World, practice: Practice) -> None:
    """F3.M4."""
    known, _ = await client_login(world, practice)
    child = await world.client(practice.owner, email=known["email"])
    await invite(world, practice.owner, child)
    offer = (await lookup(world, await world.mailed_token(known["email"]))).json()
    assert offer["existing_account"] is True


async def test_a_staff_invitation_says_that_it_is_one(world: World, practice: Practice) -> None:
    _, email = await add_staff(world, practice, "scheduler")
    offer = (await lookup(world, await world.mailed_token(email))).json()
    assert (offer["kind"], offer["date_of_birth_required"], offer["existing_account"]) == ("staff", False, False)


async def test_the_message_is_shown_and_not_mailed(world: World, practice: Practice) -> None:
    """A42."""
    client = await world.client(practice.owner, email=world.email("client"))
    await invite(world, practice.owner, client, message="Bring the diary of your panic attacks")
    mail = await world.mail(client["email"])
    assert "panic" not in f"{mail.subject}{mail.text}{mail.html}"
    assert client["given_name"] not in f"{mail.subject}{mail.text}{mail.html}"
    offer = (await lookup(world, await world.mailed_token(client["email"]))).json()
    assert offer["message"] == "Bring the diary of your panic attacks"


@pytest.mark.parametrize("token", ["x", "0" * 32 + "." + "A" * 43, "\x00", "😀" * 20])
async def test_an_unknown_token_is_not_found_or_not_valid(world: World, token: str) -> None:
    response = await lookup(world, token)
    assert response.status_code in (404, 422)
    assert response.json()["code"] in ("invitation_unknown", "invalid")


async def test_what_is_over_says_how_it_ended(world: World, practice: Practice) -> None:
    client, token = await invited(world, practice)
    listed = (await practice.owner.get(f"/v1/clients/{client['id']}/invitations")).json()["data"]
    await expire(world, practice, listed[0]["id"])
    gone = await lookup(world, token)
    assert (gone.status_code, gone.json()["code"], gone.json()["state"]) == (410, "invitation_gone", "expired")


async def test_a_portal_switched_off_hides_the_clients_invitation(world: World, practice: Practice) -> None:
    _, token = await invited(world, practice)
    await practice.owner.post("/v1/practice/portal/disable")
    assert (await lookup(world, token)).json()["code"] == "portal_disabled"


async def test_the_link_is_built_from_configuration_and_never_from_a_header(world: World, practice: Practice) -> None:
    """A40."""
    client = await world.client(practice.owner, email=world.email("client"))
    headers = {"X-Forwarded-Host": "evil.example"}
    made = await practice.owner.post(f"/v1/clients/{client['id']}/invitations", {}, headers=headers)
    assert made.status_code == 201
    mail = await world.mail(client["email"])
    links = re.findall(r"https?://[^\s<\"]+", mail.text or "")
    assert links
    assert all(re.fullmatch(r"https://h-[0-9a-f]{12}\.portal\.test/accept-invitation#token=.+", x) for x in links)


async def test_a_name_with_line_breaks_reaches_no_header(world: World, practice: Practice) -> None:
    """A42: refused where it comes in."""
    body = {"given_name": "Grace\r\nBcc: evil@x.example", "family_name": "Client"}
    assert (await practice.owner.post("/v1/clients", body)).status_code == 422
    client = await world.client(practice.owner)
    body = {"email": "a@b.example\r\nBcc: evil@x.example"}
    assert (await practice.owner.post(f"/v1/clients/{client['id']}/invitations", body)).status_code == 422


@pytest.mark.whatever_rows
async def test_the_database_holds_no_usable_token(world: World, practice: Practice) -> None:
    """A03."""
    _, token = await invited(world, practice)
    async with bound(world, practice) as session:
        rows = (await session.execute(text("SELECT invitation::text FROM invitation"))).scalars().all()
        jobs = (await session.execute(text("SELECT args::text FROM procrastinate_jobs"))).scalars().all()
    assert rows
    assert not [row for row in [*rows, *jobs] if token in row or token.split(".")[1] in row]


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("grace@harbor.example", "g***@h***.example"),
        ("g@mail.nhs.co.uk", "g***@m***.uk"),
        ("a@localhost", "a***@l***"),
    ],
)
def test_masking_keeps_the_first_letters_and_the_top_level(email: str, shown: str) -> None:
    assert masked_email(email) == shown
