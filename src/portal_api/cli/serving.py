"""What `serve` and `demo` share: the database prepared, the application imported, then answering."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from socket import socket

from portal_api.cli import checks, migrations
from portal_api.cli.console import warning
from portal_api.cli.databases import open_database
from portal_api.cli.sockets import is_loopback, url_of
from portal_api.core.config import Settings


def _import_application() -> None:
    """Takes as long as the embedded database takes to start: both go on at the same time."""
    import_module("portal_api.main")
    import_module("portal_api.cli.http_server")


def at_address(settings: Settings, listener: socket) -> Settings:
    """The settings with the address that people really use, unless one was given or this is production."""
    if "public_url" in settings.model_fields_set or settings.is_production:
        return settings
    return settings.model_copy(update={"public_url": url_of(listener)})


@contextmanager
def prepared(settings: Settings, *, migrate: bool) -> Iterator[Settings]:
    """The settings of a database that is there and fits. The embedded one is always migrated.

    Raises CannotStart.
    """
    checks.check_video(settings)
    checks.check_files(settings)
    with open_database(settings, _import_application) as opened:
        checks.check_server(opened)
        if migrate or not settings.database_url:
            migrations.upgrade(opened)
        checks.check_ready(opened)
        yield opened


def say_loudly(settings: Settings, listener: socket) -> None:
    """Warn of what is right on one's own machine and wrong elsewhere."""
    if settings.keeps_mail and not is_loopback(listener):
        warning("Whoever reaches this address can read all mail at /dev/mailbox: set PORTAL_SMTP_URL.")
    if settings.is_production and not settings.smtp_url:
        warning("PORTAL_SMTP_URL is not set: no mail leaves. It waits in the queue, then becomes a dead letter.")


def answer_requests(
    settings: Settings, listener: socket, on_ready: Callable[[], None], *, processes: int = 1, with_worker: bool = True
) -> int:
    """Answer until told to stop; the exit status. The first process runs jobs too, if any does."""
    from portal_api.cli import memory  # these import the application
    from portal_api.cli.http_server import answer
    from portal_api.cli.supervisor import Supervisor
    from portal_api.main import create_app

    first, others = create_app(settings, with_worker=with_worker), create_app(settings)
    memory.return_large_blocks()
    memory.load_for_good(processes)
    if processes == 1:
        answer(first, listener, on_ready)
        return 0

    def live(index: int, ready: Callable[[], None], lifeline: int) -> None:
        answer(others if index else first, listener, ready, lifeline)

    try:
        return Supervisor(processes, live).supervise(on_ready)
    finally:
        listener.close()
