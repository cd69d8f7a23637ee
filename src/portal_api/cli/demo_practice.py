"""The demo practice, made like any other."""

from datetime import UTC, datetime

from portal_api.cli import demo_record
from portal_api.cli.demo_gardener import Gardener, at_work
from portal_api.cli.demo_logins import CLIENT, OWNER, PRACTICE, PRACTITIONER, PROSPECT, RECORD, SLUG, Logins
from portal_api.core.config import Settings

FEATURES = ("appointment_requests", "appointment_cancellation", "secure_messaging", "client_uploads", "video")
FORMS = ("consent-treatment", "privacy-practices", "intake-adult", "intake-child")
VIDEO_SERVICE = "Video session"
BIRTHDAY = "1990-04-01"


async def plant(settings: Settings, logins: Logins) -> None:
    """Make the practice, its people and its portal. Raises Refused.

    Every step carries an idempotency key, so that a plant that was interrupted goes on where it stopped.
    """
    async with at_work(settings, logins) as gardener:
        if PRACTICE not in logins.planted:
            await _plant_practice(gardener)
            logins.mark_planted(PRACTICE)
        if RECORD not in logins.planted:
            await gardener.sign_in(SLUG)
            await demo_record.plant(gardener)
            logins.mark_planted(RECORD)


async def book_session(settings: Settings, logins: Logins) -> str:
    """A session by video that began within the last half hour; its id. Raises Refused."""
    async with at_work(settings, logins) as gardener:
        return await _book_session(gardener)


async def _plant_practice(gardener: Gardener) -> None:
    practice_id = await _register(gardener)
    await gardener.sign_in(practice_id)
    await _open_portal(gardener)
    await _ask_new_clients(gardener)
    practitioner_id = await _add_practitioner(gardener)
    await _add_client(gardener, practitioner_id)
    await _let_someone_sign_up(gardener)


async def _register(gardener: Gardener) -> str:
    owner = {"email": OWNER, "password": gardener.passwords[OWNER], "given_name": "Ada", "family_name": "Harbor"}
    body = {"name": "Harbor Therapy", "time_zone": "America/New_York", "country": "US", "owner": owner}
    registered = await gardener.send("POST", "/v1/practices", body)
    await gardener.send("POST", "/v1/auth/email-verification", {"token": await gardener.mailed_token(OWNER)})
    return str(registered["practice"]["id"])


async def _open_portal(gardener: Gardener) -> None:
    await gardener.send("POST", "/v1/practice/portal/enable", {"slug": SLUG})
    await gardener.send("PATCH", "/v1/practice/portal", {"allow_client_signup": True})
    await gardener.send("PATCH", "/v1/practice/features", dict.fromkeys(FEATURES, True))
    await gardener.send("PATCH", "/v1/practice/reminders", {"offsets_minutes": [1440, 60]})


async def _ask_new_clients(gardener: Gardener) -> None:
    """What the practice has read by now, new clients are asked to sign and to fill in."""
    flow = await gardener.send("GET", "/v1/practice/onboarding")
    steps = [step | {"enabled": step["enabled"] or step["key"] in FORMS} for step in flow["steps"]]
    await gardener.send("PATCH", "/v1/practice/onboarding", {"steps": steps})


async def _add_practitioner(gardener: Gardener) -> str:
    body = {"email": PRACTITIONER, "given_name": "Grace", "family_name": "Quay", "roles": ["practitioner"]}
    staff = await gardener.send("POST", "/v1/practice/staff", body)
    accepted = {"token": await gardener.mailed_token(PRACTITIONER), "password": gardener.passwords[PRACTITIONER]}
    await gardener.send("POST", "/v1/invitations/accept", accepted, key="staff")
    return str(staff["id"])


async def _add_client(gardener: Gardener, practitioner_id: str) -> None:
    body = {
        "given_name": "Rosa",
        "family_name": "Client",
        "email": CLIENT,
        "date_of_birth": BIRTHDAY,
        "practitioner_ids": [practitioner_id],
    }
    client = await gardener.send("POST", "/v1/clients", body)
    await gardener.send("POST", f"/v1/clients/{client['id']}/invitations", {})
    accepted = {
        "token": await gardener.mailed_token(CLIENT),
        "password": gardener.passwords[CLIENT],
        "date_of_birth": BIRTHDAY,
    }
    await gardener.send("POST", "/v1/invitations/accept", accepted, key="client")


async def _let_someone_sign_up(gardener: Gardener) -> None:
    body = {
        "email": PROSPECT,
        "password": gardener.passwords[PROSPECT],
        "given_name": "Noor",
        "family_name": "Prospect",
        "message": "Is there a place on Tuesdays?",
    }
    await gardener.send("POST", f"/v1/portals/{SLUG}/signup", body)
    await gardener.deliver()


async def _book_session(gardener: Gardener) -> str:
    await gardener.sign_in(SLUG)
    client = await gardener.client()
    now = datetime.now(UTC)
    begins = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
    body = {
        "client_id": client["id"],
        "practitioner_id": client["practitioner_ids"][0],
        "service_id": await _video_service(gardener),
        "starts_at": begins.isoformat(),
        "mode": "video",
        "allow_overlap": True,
    }
    booked = await gardener.send("POST", "/v1/appointments", body, key=f"session-{begins:%Y%m%d%H%M}")
    return str(booked["id"])


async def _video_service(gardener: Gardener) -> str:
    """A demo that was planted by an older version has none yet."""
    services = (await gardener.send("GET", "/v1/services?limit=100"))["data"]
    known = next((service["id"] for service in services if service["name"] == VIDEO_SERVICE), None)
    body = {"name": VIDEO_SERVICE, "duration_minutes": 50, "modes": ["video"], "client_bookable": True}
    return str(known or (await gardener.send("POST", "/v1/services", body, key=None))["id"])
