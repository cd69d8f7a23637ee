"""The kinds of notifications: whole, and with words that tell nothing private."""

import re

import pytest

from portal_api.core.access import ActorKind
from portal_api.integrations.mail_templates import render
from portal_api.services.notifications.kinds import BY_KEY, KINDS, Importance, Kind, Words, of_audience

WORDS = [(kind, type, words) for kind in KINDS for type, words in kind.events.items()]
LINK = "https://harbor.portal.example/go"
ids = [f"{kind.key}-{type}" for kind, type, _ in WORDS]


def test_each_has_a_name_of_its_own() -> None:
    assert len(BY_KEY) == len(KINDS)
    assert all(re.fullmatch(r"[a-z_]{1,40}", key) for key in BY_KEY)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_what_may_be_chosen_follows_from_its_importance(kind: Kind) -> None:
    """F14.M1: security cannot be switched off; what is of no use tomorrow is in no digest."""
    assert set(kind.channels) == {"in_app", "email", "push"}
    for channel, offer in kind.channels.items():
        assert offer.default in offer.modes
        assert channel == "email" or "digest" not in offer.modes
    if kind.importance is Importance.SECURITY:
        assert kind.channels["in_app"].is_fixed
        assert kind.channels["email"].is_fixed
        assert not kind.gathers
    elif kind.importance is Importance.IMMEDIATE:
        assert "digest" not in kind.channels["email"].modes
    else:
        assert {"immediate", "digest", "off"} == set(kind.channels["email"].modes)


@pytest.mark.parametrize("audience", [ActorKind.STAFF, ActorKind.CLIENT])
def test_titles_can_be_told_apart(audience: ActorKind) -> None:
    titles = [kind.title for kind in of_audience(audience)]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(("kind", "type", "words"), WORDS, ids=ids)
def test_words_are_a_plain_line_and_a_place(kind: Kind, type: str, words: Words) -> None:
    assert re.fullmatch(r"[A-Z][^.{}]*[^.{}]", words.line)
    assert re.fullmatch(r"(/[a-z-]+|/\{(id|client)\})+", words.path)
    assert words.mail_path is None or words.mail_path.startswith("/")
    assert words.dated == ("{when}" in (words.sentence or "")) or words.template != "notice"


@pytest.mark.parametrize(("kind", "type", "words"), WORDS, ids=ids)
def test_its_mail_can_be_written_from_what_it_is_given(kind: Kind, type: str, words: Words) -> None:
    values = {"link": LINK}
    if words.template == "notice":
        values |= {"line": words.line, "sentence": (words.sentence or words.line).format(when="Monday"), "action": "Go"}
    elif words.dated:
        values["when"] = "Monday"
    content = render(words.template, practice_name="Harbor", **values)
    assert "Harbor" in content.subject
    assert LINK in content.text
