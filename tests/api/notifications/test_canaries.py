"""Names, what was written and what was answered leave the portal in no mail, log, metric or push: for every kind.

Everything that the database knows of the people and of what they did is a canary. Then everything happens of which
anybody is told, and all that left is searched.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest

from portal_api.core.access import ActorKind, GrantPermission
from portal_api.services.notifications import digests
from portal_api.services.notifications.kinds import EVENTS, KINDS
from tests.api.notifications.scene import Scene
from tests.push_service import Device, push_service
from tests.world import Caller

SOON = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=3)
CONTENT: dict[str, tuple[str, ...]] = {
    "account": ("given_name", "family_name"),
    "appointment": ("note",),
    "appointment_request": ("note", "decision_message", "offer_message"),
    "client": ("given_name", "family_name", "preferred_name"),
    "document": ("title", "file_name"),
    "form_template": ("title",),
    "guardian": ("given_name", "family_name"),
    "staff_member": ("given_name", "family_name"),
    "thread": ("subject",),
    "thread_message": ("body",),
}
"""What is nobody's business outside, by table."""


@dataclass
class Left:
    """Everything that left."""

    mails: list[Message] = field(default_factory=list)
    pushes: list[bytes] = field(default_factory=list)
    other: str = ""

    def texts(self) -> Iterator[str]:
        for mail in self.mails:
            yield "\n".join(f"{name}: {value}" for name, value in mail.items())
            for part in mail.walk():
                if not part.is_multipart():
                    yield part.get_payload(decode=True).decode()  # type: ignore[union-attr]
        yield from (push.decode() for push in self.pushes)
        yield self.other


@dataclass
class Happenings:
    """What each type of event is about, in this practice."""

    scene: Scene
    of: dict[str, tuple[str, UUID]] = field(default_factory=dict)
    thread: dict[str, Any] = field(default_factory=dict)

    async def plant(self, parent: Caller) -> None:
        scene, house = self.scene, self.scene.house
        practitioner_id, client_id = UUID(scene.practitioner_id), UUID(scene.client_id)
        service_id = await house.service(duration_minutes=50)
        guardian_id = await house.guardian_record(client_id)
        scene.sql("UPDATE guardian SET account_id = %s WHERE id = %s", parent.account["id"], guardian_id)
        request_id = await house.request(practitioner_id, service_id, client_id, SOON)
        asked = "UPDATE appointment_request SET account_id = %s WHERE id = %s"
        scene.sql(asked, scene.client.account["id"], request_id)
        appointment_id = await house.appointment(practitioner_id, service_id, client_id, SOON + timedelta(hours=3))
        thread = await self._thread()
        of = {
            "appointment": ("appointment", appointment_id),
            "appointment_request": ("appointment_request", request_id),
            "client": ("client", client_id),
            "client_change": ("client_change", await house.client_change()),
            "document": ("document", await house.document()),
            "form": ("form_assignment", await house.form_assignment()),
            "guardian": ("guardian", guardian_id),
            "safety_alert": ("safety_alert", await house.safety_alert()),
            "treatment_plan": ("treatment_plan", await house.treatment_plan()),
        }
        of["signature_request"] = of["document"]
        wanted_by = "UPDATE client_change SET account_id = %s WHERE id = %s"
        scene.sql(wanted_by, scene.client.account["id"], of["client_change"][1])
        for table in ("client_change", "document", "form_assignment", "treatment_plan", "safety_alert"):
            id = next(id for name, id in of.values() if name == table)
            scene.sql(f"UPDATE {table} SET client_id = %s WHERE id = %s", client_id, id)
        of["thread"] = ("thread", UUID(thread["id"]))
        scene.sql("UPDATE thread SET unattended_since = now() WHERE id = %s", thread["id"])
        self.thread, self.of = thread, of

    async def _thread(self) -> dict[str, Any]:
        await self.scene.owner.patch("/v1/practice/features", {"secure_messaging": True})
        body = {"client_id": self.scene.client_id, "subject": "A subject", "body": "What is written"}
        started = await self.scene.practitioner.post("/v1/threads", body)
        assert started.status_code == 201, started.text
        thread: dict[str, Any] = started.json()
        await self.scene.client.post(f"/v1/me/threads/{thread['id']}/messages", {"body": "An answer"})
        written = "SELECT id FROM thread_message WHERE thread_id = %s ORDER BY seq"
        ((mine,), (theirs,)) = self.scene.sql(written, thread["id"])
        self.unread(thread["id"])
        return thread | {"by_staff": mine, "by_client": theirs}

    def unread(self, thread_id: str) -> None:
        self.scene.sql("UPDATE thread_participant SET read_seq = 0 WHERE thread_id = %s", thread_id)

    async def happen(self, type: str, by: Caller | None) -> None:
        """The event, about this practice's one of what it is about, of the account of who is told of an account."""
        about, _, _ = type.partition(".")
        account = ("account", UUID(self.scene.client.account["id"]))
        resource = self.of.get(about, account)
        if about == "message":
            resource = ("message", self.thread["by_client" if by is self.scene.client else "by_staff"])
        clients = [] if resource is account and about not in ("client_change", "onboarding", "insurance") else None
        if type == "email.verified":
            prospect_id = await self.scene.house.prospect()
            ((id,),) = self.scene.sql("SELECT account_id FROM prospect WHERE id = %s", prospect_id)
            resource = ("account", id)
        details = {"thread_id": self.thread["id"]} if about == "message" else {"account_id": str(account[1])}
        await self.scene.happen(type, by=by, clients=clients, resource=resource, changed=("mode",), **details)


def fill(scene: Scene, canary: str) -> None:
    """Write the canary wherever somebody's words or name stand."""
    for table, columns in CONTENT.items():
        known = scene.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name = ANY (%s)",
            table,
            list(columns),
        )
        assert len(known) == len(columns), f"{table} has other columns by now: {known}"
        values = ", ".join(f"{column} = '{canary}'" for column in columns)
        scene.sql(f"UPDATE {table} SET {values} WHERE practice_id = %s", scene.practice.id)
    for table, column in (("form_assignment", "answers"), ("treatment_plan_revision", "content")):
        scene.sql(
            f"UPDATE {table} SET {column} = {column} || jsonb_build_object('canary', %s::text) WHERE practice_id = %s",
            canary,
            scene.practice.id,
        )


async def test_nothing_private_leaves(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    """F12.M6, F14.M2, F19.M3: one event of every type, by a client, by staff and by the program."""
    canary, device, left = f"Zq{token_hex(6)}", Device(), Left()
    parent = await scene.guardian(*sorted(GrantPermission))
    happenings = Happenings(scene)
    await happenings.plant(parent)
    fill(scene, canary)
    everybody = (scene.owner, scene.practitioner, scene.client, parent)
    async with push_service() as service:
        for number, caller in enumerate(everybody):
            body = {"endpoint": f"{service.origin}/{number}", "keys": device.keys}
            assert (await caller.post("/v1/me/push-subscriptions", body)).status_code == 201
        for mode in ("immediate", "digest"):
            for caller in everybody:
                await scene.choose(caller, **wanted(caller, mode))
            for type in sorted(EVENTS):
                for by in (scene.client, scene.practitioner, None):
                    await happenings.happen(type, by)
            await scene.settle()
        await digest(scene)
        left.pushes = [device.read(push.body) for push in service.got]
    left.mails = [message_from_bytes(path.read_bytes()) for path in scene.world.mailbox.directory.glob("*.eml")]
    metrics = (await scene.world.http.get("/metrics")).text
    captured = capfd.readouterr()
    left.other = metrics + captured.out + captured.err
    assert [text for text in left.texts() if canary.lower() in text.lower()] == []
    must_have_left(scene, left)


def wanted(caller: Caller, mode: str) -> dict[str, dict[str, str]]:
    """Every kind by mail in this mode, and by push, as far as it can be chosen."""
    audience = ActorKind(caller.account["kind"])
    found: dict[str, dict[str, str]] = {}
    for kind in KINDS:
        if audience in kind.audience:
            choices = {"email": mode, "push": "immediate"}
            found[kind.key] = {
                channel: choice for channel, choice in choices.items() if choice in kind.channels[channel].modes
            }
    return found


async def digest(scene: Scene) -> None:
    """Let the hour of the digest come."""
    scene.sql(
        "UPDATE notification SET occurred_at = occurred_at - interval '2 days' WHERE practice_id = %s",
        scene.practice.id,
    )
    async with scene.house.session() as session:
        due, _ = await digests.due(session, None)
        for each in due:
            await digests.make(session, each)
    await scene.settle()


def must_have_left(scene: Scene, left: Left) -> None:
    """The search is worth something: every kind left, in both modes, and by push."""
    sent = "SELECT DISTINCT kind FROM mail_delivery WHERE practice_id = %s AND state = 'sent' AND kind IS NOT NULL"
    kinds = {kind for (kind,) in scene.sql(sent, scene.practice.id)}
    assert kinds >= {kind.key for kind in KINDS if "immediate" in kind.channels["email"].modes}
    told = "SELECT DISTINCT event_type FROM notification WHERE practice_id = %s AND in_app"
    assert EVENTS - {type for (type,) in scene.sql(told, scene.practice.id)} == set()
    assert "digest" in kinds
    assert len(left.pushes) >= len(KINDS)
    assert any("ZZ: " in text for text in left.texts()), "initials, in a digest"
