"""What the mails say: one template each, for text and HTML; nothing clinical, and nobody's name."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

Template = Literal[
    "account_exists",
    "appointment_reminder",
    "client_invitation",
    "digest",
    "email_change_confirm",
    "email_change_notice",
    "email_verification",
    "guardian_access_changed",
    "guardian_access_ended",
    "guardian_invitation",
    "new_device",
    "notice",
    "notices",
    "password_changed",
    "password_reset",
    "portal_associated",
    "portal_associated_first_password",
    "request_accepted",
    "request_accepted_at_once",
    "request_changed",
    "request_confirmation",
    "request_counter_offered",
    "request_declined",
    "request_expired",
    "request_lapsed",
    "request_received",
    "safety_alert",
    "safety_alert_escalated",
    "second_factor_changed",
    "second_factor_reset",
    "sessions_revoked",
    "sharing_changed",
    "staff_invitation",
]

PRACTICE_NAME_LENGTH = 80
UNITS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


@dataclass(frozen=True, slots=True)
class Item:
    """One of several things in a mail, and where it is looked at."""

    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Content:
    """The parts of a mail that a template makes."""

    subject: str
    text: str
    html: str


Value = str | int | timedelta | Sequence[Item]


def render(template: Template, *, practice_name: str, **context: Value) -> Content:
    """
    The mail of that name. Every context value whose name ends in `link` must be an absolute web address, and so must
    the link of every item.

    Raises jinja2.UndefinedError for a value that the template needs and was not given, ValueError for a link
    that is none, or whose secret is where servers log it.
    """
    for name, value in context.items():
        if name.endswith("link"):
            _check_link(str(value))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for item in value:
                _check_link(item.link)
    values = {**context, "practice_name": _one_line(practice_name)[:PRACTICE_NAME_LENGTH]}
    text = TEXT.get_template(f"{template}.jinja", globals={"layout": "layout.text", "parts": "parts.text"})
    page = HTML.get_template(f"{template}.jinja", globals={"layout": "layout.html", "parts": "parts.html"})
    subject = "".join(text.blocks["subject"](text.new_context(values)))
    body = re.sub(r"\n{3,}", "\n\n", text.render(values)).strip()
    return Content(_one_line(subject), body + "\n", page.render(values))


def duration(span: timedelta) -> str:
    """The span in words, in the largest unit that holds it without a rest."""
    for unit, name in UNITS:
        if span >= unit and not span % unit:
            count = span // unit
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    raise ValueError("a duration is whole minutes")


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader(__name__, "."),
        autoescape=autoescape,  # noqa: S701 - the text part is no HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[[timedelta], str]] = {"duration": duration}
    environment.filters.update(filters)
    return environment


TEXT = _environment(autoescape=False)
HTML = _environment(autoescape=True)


def _check_link(link: str) -> None:
    parts = urlsplit(link)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("a link in a mail must be an absolute web address")
    if "token=" in parts.query:
        raise ValueError("a secret belongs into the fragment of a link")


def _one_line(value: str) -> str:
    return " ".join(value.split())
