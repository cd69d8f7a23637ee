"""`portal-api demo`: everything on this machine, with a practice to try it on."""

import asyncio
from argparse import Namespace

from portal_api.cli import serving, sockets
from portal_api.cli.configuration import load_settings
from portal_api.cli.console import CannotStart, progress, result, warning
from portal_api.cli.demo_logins import PRACTICE, RECORD, SLUG, Logins
from portal_api.core.config import Settings

LOCAL = {
    "database_url": "",
    "migration_database_url": "",
    "smtp_url": "",
    "open_registration": True,
    "bot_check_url": "",
}


def run(arguments: Namespace) -> int:
    given = load_settings()
    if given.is_production:
        raise CannotStart("The demo is not for production: its accounts are there to be tried. Use `portal-api serve`.")
    listener = sockets.bind(arguments.host, arguments.port)
    settings = serving.at_address(_local(given), listener)
    with serving.prepared(settings, migrate=True) as prepared:
        logins = Logins.load_or_make(prepared.data_dir / "demo.json")
        _plant(prepared, logins)
        session = _book_session(prepared, logins)
        serving.say_loudly(prepared, listener)
        url = sockets.url_of(listener)
        return serving.answer_requests(prepared, listener, lambda: _welcome(url, logins, session))


def _local(given: Settings) -> Settings:
    if given.database_url or given.smtp_url:
        warning("The demo uses the embedded database and the development mailbox, not what PORTAL_* names.")
    return given.model_copy(update=LOCAL)


def _plant(settings: Settings, logins: Logins) -> None:
    if {PRACTICE, RECORD} <= set(logins.planted):
        return
    from portal_api.cli.demo_gardener import Refused
    from portal_api.cli.demo_practice import plant

    progress("Planting the demo practice")
    try:
        asyncio.run(plant(settings, logins))
    except Refused as refusal:
        warning(f"The demo practice is not complete: {refusal}. It is tried again at the next start.")


def _book_session(settings: Settings, logins: Logins) -> str | None:
    """Each start has a session by video that can be joined now; its id."""
    from portal_api.cli.demo_gardener import Refused
    from portal_api.cli.demo_practice import book_session

    try:
        return asyncio.run(book_session(settings, logins))
    except Refused as refusal:  # whoever tries the demo may have changed anything
        warning(f"There is no session to join: {refusal}.")
        return None


def _welcome(url: str, logins: Logins, session: str | None) -> None:
    result(f"ready {url}")
    result()
    result(f"  API description   {url}/docs")
    result(f"  mail that was sent {url}/dev/mailbox")
    result(f"  the portal        {url}/v1/portals/{SLUG}")
    result()
    result(f"  practice {SLUG}; sign in with POST /v1/auth/login:")
    for email, password in logins.passwords.items():
        result(f"    {email:<28}  {password}")
    result()
    result("  Three things to try:")
    result(f"  1. {_login(url, logins)}")
    result(
        "  2. As the client: GET /v1/me/home shows a consent and a questionnaire that wait; answer the questionnaire"
    )
    result("     with PATCH /v1/me/forms/{id} and hand it in with .../submit: it is scored.")
    result("  3. As the owner: PATCH /v1/practice/features, then GET /v1/me/capabilities as the client.")
    if session:
        result()
        result("  A session by video begins now. Each of the two opens the `url` that they get:")
        result(f"    client        POST /v1/me/appointments/{session}/join")
        result(f"    practitioner  POST /v1/appointments/{session}/join, then .../admit to let the client in")
    result()
    result("  Ctrl-C stops it; the data stays for the next start.")


def _login(url: str, logins: Logins) -> str:
    email, password = next(iter(logins.passwords.items()))
    body = f'{{"practice": "{SLUG}", "email": "{email}", "password": "{password}"}}'
    return f"curl {url}/v1/auth/login -H 'Content-Type: application/json' -d '{body}'"
