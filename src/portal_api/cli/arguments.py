"""The commands and their options; each names the module that runs it."""

from argparse import ArgumentParser, _SubParsersAction
from typing import TypeAlias

# argparse has no public name for it.
Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"
PORT = 8000


def make_parser() -> ArgumentParser:
    parser = ArgumentParser(prog="portal-api", description="The back end of a client portal.", allow_abbrev=False)
    commands = parser.add_subparsers(title="commands", metavar="<command>", required=True)
    _add_serving(commands)
    _add_upkeep(commands)
    _add_practices(commands)
    _add_groups(commands)
    return parser


def _add(commands: Commands, name: str, module: str, summary: str) -> ArgumentParser:
    parser: ArgumentParser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.set_defaults(module=module)
    return parser


def _add_address(parser: ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="0 picks a free one (default: %(default)s)")


def _add_serving(commands: Commands) -> None:
    demo = _add(commands, "demo", "demo", "everything on this machine, with a demo practice; prints how to sign in")
    _add_address(demo)
    serve = _add(commands, "serve", "serve", "answer requests; prints `ready <url>` when it does")
    _add_address(serve)
    serve.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default: 1)")
    serve.add_argument("--migrate", action="store_true", help="migrate first; the embedded database always is")
    serve.add_argument("--no-worker", action="store_true", help="run no jobs here: `portal-api worker` does elsewhere")
    worker = _add(commands, "worker", "worker", "run jobs only: mail and what the clock asks for")
    worker.add_argument("--concurrency", type=int, default=4, metavar="N", help="jobs at a time (default: 4)")
    health = _add(commands, "health", "health", "exit 0 if the server on this machine is ready, else 1")
    health.add_argument("--url", default=f"http://127.0.0.1:{PORT}", help="where it serves (default: %(default)s)")


def _add_upkeep(commands: Commands) -> None:
    migrate = _add(commands, "migrate", "migrate", "bring the database to the state that this program needs")
    migrate.add_argument("--check", action="store_true", help="only say whether models and migrations agree")
    _add(commands, "openapi", "openapi", "print the API description")
    _add(commands, "distribute", "distribute", "place the tables on a Citus cluster (never run against one: read it)")


def _add_practices(commands: Commands) -> None:
    group = commands.add_parser(
        "practice", help="create, list, change a portal's link, reset a second factor", allow_abbrev=False
    )
    verbs = group.add_subparsers(metavar="<verb>", required=True)
    create = _add(verbs, "create", "practices", "register a practice and its owner, who is mailed a verification")
    create.set_defaults(verb="create")
    create.add_argument("--name", required=True)
    create.add_argument("--time-zone", required=True, metavar="ZONE", help="such as America/New_York")
    create.add_argument("--country", required=True, metavar="CC", help="two letters, such as US")
    create.add_argument("--owner-email", required=True, metavar="ADDRESS")
    create.add_argument("--owner-given-name", required=True, metavar="NAME")
    create.add_argument("--owner-family-name", required=True, metavar="NAME")
    create.add_argument(
        "--password-stdin", action="store_true", help="read the owner's password from standard input; else one is made"
    )
    change = _add(verbs, "change-link", "practices", "give a practice another link; the old one leads to the new")
    change.set_defaults(verb="change-link")
    change.add_argument("practice", help="its id, or its present link")
    change.add_argument("slug", help="the new link, such as harbor")
    reset = _add(verbs, "reset-second-factor", "practices", "for a staff member who has lost it and nobody to ask")
    reset.set_defaults(verb="reset-second-factor")
    reset.add_argument("practice", help="its id, or its present link")
    reset.add_argument("email", help="the address that the staff member signs in with")
    _add(verbs, "list", "practices", "all practices: id, link, name").set_defaults(verb="list")


def _add_groups(commands: Commands) -> None:
    audit = commands.add_parser("audit", help="verify the audit chain", allow_abbrev=False)
    _add(
        audit.add_subparsers(metavar="<verb>", required=True),
        "verify",
        "audit",
        "recompute every practice's chain of events; exit 1 names the first that does not fit",
    )
    jobs = commands.add_parser("jobs", help="jobs that failed for good", allow_abbrev=False)
    verbs = jobs.add_subparsers(metavar="<verb>", required=True)
    _add(verbs, "dead", "dead_jobs", "list them, with the reason").set_defaults(verb="dead")
    redrive = _add(verbs, "redrive", "dead_jobs", "put them back into the queue")
    redrive.set_defaults(verb="redrive")
    redrive.add_argument("ids", nargs="*", type=int, metavar="id", help="these only (default: all)")
    keys = commands.add_parser("keys", help="rotate the keys that sign access tokens", allow_abbrev=False)
    _add(
        keys.add_subparsers(metavar="<verb>", required=True),
        "rotate",
        "keys",
        "let the next key sign; restart the servers afterwards, one after the other",
    )
