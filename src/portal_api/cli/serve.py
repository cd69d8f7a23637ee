"""`portal-api serve`: the database, then answering until told to stop."""

from argparse import Namespace

from portal_api.cli import serving, sockets
from portal_api.cli.configuration import load_settings
from portal_api.cli.console import CannotStart, result


def run(arguments: Namespace) -> int:
    if arguments.workers < 1:
        raise CannotStart("--workers is at least 1.")
    listener = sockets.bind(arguments.host, arguments.port)
    url = sockets.url_of(listener)
    settings = serving.at_address(load_settings(), listener)
    with serving.prepared(settings, migrate=arguments.migrate) as prepared:
        serving.say_loudly(prepared, listener)
        return serving.answer_requests(
            prepared,
            listener,
            lambda: result(f"ready {url}"),
            processes=arguments.workers,
            with_worker=prepared.embedded_worker and not arguments.no_worker,
        )
