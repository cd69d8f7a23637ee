"""The demo practice, made like any other: through the API, with the mail that it sends."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import FastAPI

from portal_api.cli.demo_logins import CLIENT, OWNER, PRACTITIONER, PROSPECT, SLUG, Logins
from portal_api.core.config import Settings
from portal_api.integrations.mail import development_mailbox
from portal_api.jobs import work
from portal_api.main import create_app

FEATURES = ("appointment_requests", "appointment_cancellation", "secure_messaging", "client_uploads", "video")
FORMS = ("consent-treatment", "privacy-practices", "intake-adult", "intake-child")
VIDEO_SERVICE = "Video session"
BIRTHDAY = "1990-04-01"
_TOKEN = re.compile(r"#token=([A-Za-z0-9._-]+)")


class Refused(Exception):
    """A step was answered with something else than success."""


async def plant(settings: Settings, logins: Logins) -> None:
    """Make the practice, its people and its portal. Raises Refused.

    Every step carries an idempotency key, so that a plant that was interrupted goes on where it stopped.
    """
    async with _gardener(settings, logins) as gardener:
        await gardener.plant()


async def book_session(settings: Settings, logins: Logins) -> str:
    """A session by video that began within the last half hour; its id. Raises Refused."""
    async with _gardener(settings, logins) as gardener:
        return await gardener.book_session()


@asynccontextmanager
async def _gardener(settings: Settings, logins: Logins) -> AsyncIterator["_Gardener"]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as http,
    ):
        yield _Gardener(app, http, logins.passwords)


@dataclass
class _Gardener:
    app: FastAPI
    http: httpx.AsyncClient
    passwords: dict[str, str]
    token: str = ""
    """The owner's, once signed in."""

    async def plant(self) -> None:
        practice_id = await self._register()
        await self._sign_in(practice_id)
        await self._open_portal()
        await self._ask_new_clients()
        practitioner_id = await self._add_practitioner()
        await self._add_client(practitioner_id)
        await self._let_someone_sign_up()

    async def _register(self) -> str:
        owner = {"email": OWNER, "password": self.passwords[OWNER], "given_name": "Ada", "family_name": "Harbor"}
        body = {"name": "Harbor Therapy", "time_zone": "America/New_York", "country": "US", "owner": owner}
        registered = await self._send("POST", "/v1/practices", body)
        await self._send("POST", "/v1/auth/email-verification", {"token": await self._mailed_token(OWNER)})
        return str(registered["practice"]["id"])

    async def _sign_in(self, practice_id: str) -> None:
        body = {"practice": practice_id, "email": OWNER, "password": self.passwords[OWNER]}
        answer = await self._send("POST", "/v1/auth/login", body, key=None)
        self.token = answer["access_token"]

    async def _open_portal(self) -> None:
        await self._send("POST", "/v1/practice/portal/enable", {"slug": SLUG})
        await self._send("PATCH", "/v1/practice/portal", {"allow_client_signup": True})
        await self._send("PATCH", "/v1/practice/features", dict.fromkeys(FEATURES, True))
        await self._send("PATCH", "/v1/practice/reminders", {"offsets_minutes": [1440, 60]})

    async def _ask_new_clients(self) -> None:
        """What the practice has read by now, new clients are asked to sign and to fill in."""
        flow = await self._send("GET", "/v1/practice/onboarding")
        steps = [step | {"enabled": step["enabled"] or step["key"] in FORMS} for step in flow["steps"]]
        await self._send("PATCH", "/v1/practice/onboarding", {"steps": steps})

    async def _add_practitioner(self) -> str:
        body = {"email": PRACTITIONER, "given_name": "Grace", "family_name": "Quay", "roles": ["practitioner"]}
        staff = await self._send("POST", "/v1/practice/staff", body)
        accepted = {"token": await self._mailed_token(PRACTITIONER), "password": self.passwords[PRACTITIONER]}
        await self._send("POST", "/v1/invitations/accept", accepted, key="staff")
        return str(staff["id"])

    async def _add_client(self, practitioner_id: str) -> None:
        body = {
            "given_name": "Rosa",
            "family_name": "Client",
            "email": CLIENT,
            "date_of_birth": BIRTHDAY,
            "practitioner_ids": [practitioner_id],
        }
        client = await self._send("POST", "/v1/clients", body)
        await self._send("POST", f"/v1/clients/{client['id']}/invitations", {})
        accepted = {
            "token": await self._mailed_token(CLIENT),
            "password": self.passwords[CLIENT],
            "date_of_birth": BIRTHDAY,
        }
        await self._send("POST", "/v1/invitations/accept", accepted, key="client")

    async def _let_someone_sign_up(self) -> None:
        body = {
            "email": PROSPECT,
            "password": self.passwords[PROSPECT],
            "given_name": "Noor",
            "family_name": "Prospect",
            "message": "Is there a place on Tuesdays?",
        }
        await self._send("POST", f"/v1/portals/{SLUG}/signup", body)
        await self._deliver()

    async def book_session(self) -> str:
        await self._sign_in(SLUG)
        (client,) = (await self._send("GET", f"/v1/clients?q={CLIENT}"))["data"]
        now = datetime.now(UTC)
        begins = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
        body = {
            "client_id": client["id"],
            "practitioner_id": client["practitioner_ids"][0],
            "service_id": await self._video_service(),
            "starts_at": begins.isoformat(),
            "mode": "video",
            "allow_overlap": True,
        }
        booked = await self._send("POST", "/v1/appointments", body, key=f"session-{begins:%Y%m%d%H%M}")
        return str(booked["id"])

    async def _video_service(self) -> str:
        """A demo that was planted by an older version has none yet."""
        services = (await self._send("GET", "/v1/services?limit=100"))["data"]
        known = next((service["id"] for service in services if service["name"] == VIDEO_SERVICE), None)
        body = {"name": VIDEO_SERVICE, "duration_minutes": 50, "modes": ["video"], "client_bookable": True}
        return str(known or (await self._send("POST", "/v1/services", body, key=None))["id"])

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = "once"
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if method == "POST" and key:
            headers["Idempotency-Key"] = f"demo-{key}-{path.strip('/').replace('/', '-')}"
        answer = await self.http.request(method, path, json=body, headers=headers)
        if not answer.is_success:
            raise Refused(f"{method} {path} answered {answer.status_code} {_code(answer)}")
        return answer.json() if answer.content else {}

    async def _mailed_token(self, address: str) -> str:
        """The secret in the newest mail to the address."""
        await self._deliver()
        mailbox = development_mailbox(self.app.state.tools.settings)
        for mail in mailbox.list() if mailbox else ():
            if address in mail.to and (found := _TOKEN.search(mail.text)):
                return found[1]
        raise Refused(f"no mail with a link has reached {address}")

    async def _deliver(self) -> None:
        """Do what waits in the queue now; no worker runs yet."""
        await work(self.app.state.tools, asyncio.Event(), wait=False)


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code", ""))
    except ValueError:
        return ""
