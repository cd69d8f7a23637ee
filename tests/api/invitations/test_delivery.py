"""How the mail fared is part of the invitation."""

import asyncio
from typing import Any

from portal_api.integrations.mail import SmtpMailer
from portal_api.jobs import JobContext
from tests.entry import accept, invite, open_practice
from tests.mail.conftest import Replies, serving
from tests.world import Practice, World


async def deliver_by(world: World, replies: Replies) -> None:
    """Let workers deliver through a mail server that answers as told."""
    tools = world.tools
    async with serving(replies) as url:
        context = JobContext(tools, SmtpMailer(url, tools.settings.mail_from))
        await tools.queue.run_worker(world.worker_dsn, context, concurrency=1, stop=asyncio.Event(), wait=False)


async def newest(practice: Practice, client: dict[str, Any]) -> dict[str, Any]:
    listed = (await practice.owner.get(f"/v1/clients/{client['id']}/invitations")).json()["data"]
    found: dict[str, Any] = listed[0]
    return found


async def test_queued_then_sent(world: World) -> None:
    """F3.M1."""
    practice = await open_practice(world)
    client = await world.client(practice.owner, email=world.email("client"))
    made = await invite(world, practice.owner, client)
    assert (made["delivery"], made["delivered_at"]) == ("queued", None)
    await world.run_jobs()
    after = await newest(practice, client)
    assert (after["delivery"], after["state"]) == ("sent", "pending")
    assert after["delivered_at"] is not None


async def test_an_address_refused_for_good_bounces_and_can_be_sent_again(world: World) -> None:
    """F3.M1: bounced."""
    practice = await open_practice(world)
    client = await world.client(practice.owner, email=world.email("nobody"))
    await world.run_jobs()
    made = await invite(world, practice.owner, client)
    await deliver_by(world, Replies(rcpt="550 5.1.1 no such user"))
    bounced = await newest(practice, client)
    assert (bounced["state"], bounced["delivery"], bounced["delivered_at"]) == ("bounced", "bounced", None)
    again = (await practice.owner.post(f"/v1/invitations/{made['id']}/resend")).json()
    assert (again["state"], again["delivery"]) == ("pending", "queued")
    await accept(world, await world.mailed_token(client["email"]))


async def test_an_address_refused_for_now_has_failed_and_not_bounced(world: World) -> None:
    practice = await open_practice(world)
    client = await world.client(practice.owner, email=world.email("busy"))
    await world.run_jobs()
    await invite(world, practice.owner, client)
    await deliver_by(world, Replies(rcpt="450 4.2.1 try later"))
    waiting = await newest(practice, client)
    assert (waiting["state"], waiting["delivery"]) == ("pending", "failed")
