"""The templates: complete, in both parts, and with the link where no server logs its secret."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import get_args

import pytest
from jinja2 import UndefinedError

from portal_api.integrations import mail_templates
from portal_api.integrations.mail_templates import Item, Template, duration, render

LINK = "https://harbor.portal.example/go?lang=en&x=1#token=0191.s3cret"
OTHER = "https://harbor.portal.example/other#token=0192.t0p"
EVERYTHING = {
    "link": LINK,
    "reset_link": OTHER,
    "revert_link": OTHER,
    "code": "482913",
    "valid_for": timedelta(hours=24),
    "when": "Monday, 7 January 2030, 14:00 (Europe/Berlin)",
    "how": "It takes place by video.",
    "line": "A document was shared with you",
    "sentence": "A document was shared with you.",
    "action": "See it in the portal",
    "items": [Item("A form was completed", LINK + "&item=1"), Item("A document was uploaded", OTHER)],
    "left_out": 3,
}
NAMES = sorted(get_args(Template))


def needs(name: str) -> set[str]:
    source = (Path(mail_templates.__file__).parent / f"{name}.jinja").read_text()
    printed = " ".join(re.findall(r"{[{%](.*?)[}%]}", source))
    return {key for key in EVERYTHING if re.search(rf"\b{key}\b", printed)}


def rendered(name: Template, practice_name: str = "Harbor & <Söhne>") -> mail_templates.Content:
    return render(name, practice_name=practice_name, **{key: EVERYTHING[key] for key in needs(name)})


def test_every_template_is_named() -> None:
    files = {path.stem for path in Path(mail_templates.__file__).parent.glob("*.jinja")}
    assert files == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_link_and_practice_are_in_both_parts(name: Template) -> None:
    content = rendered(name)
    links = {EVERYTHING[key] for key in needs(name) if key.endswith("link")}
    assert links
    for link in links:
        assert f"\n{link}\n" in content.text
        assert f'href="{link}"'.replace("&", "&amp;") in content.html
    assert "Harbor & <Söhne>" in content.subject
    assert "Harbor & <Söhne>" in content.text
    assert "Harbor &amp; &lt;Söhne&gt;" in content.html
    assert content.subject not in content.text
    if "code" in needs(name):
        assert "482913" in content.text
        assert "482913" in content.html


@pytest.mark.parametrize("name", NAMES)
def test_missing_value_is_an_error(name: Template) -> None:
    for missing in needs(name):
        values = {key: EVERYTHING[key] for key in needs(name) - {missing}}
        with pytest.raises(UndefinedError):
            render(name, practice_name="Harbor", **values)


@pytest.mark.parametrize("name", NAMES)
def test_html_is_accessible_and_loads_nothing(name: Template) -> None:
    html = rendered(name).html
    assert '<html lang="en">' in html
    assert re.search(r"<title>.+</title>", html)
    assert html.count("<h1") == 1
    assert not re.search(r"<(img|script|link|iframe|object|style)\b|url\(|@import", html)


@pytest.mark.parametrize("name", NAMES)
def test_hostile_practice_name_stays_text(name: Template) -> None:
    """A42: a line break cannot leave the subject, mark-up cannot enter the HTML part, length is capped."""
    hostile = "Evil\r\nBcc: eve@evil.example <script>alert(1)</script>{{ 7*7 }}" + "x" * 300
    content = rendered(name, hostile)
    assert "\n" not in content.subject
    assert "\r" not in content.text
    assert "<script" not in content.html
    assert "49" not in unescape(content.subject)
    assert len(content.subject) < 200


@pytest.mark.parametrize("link", ["javascript:alert(1)", "/go#token=x", "", "https://x.example/go?token=secret"])
def test_link_that_is_none_or_shows_its_secret_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match="link"):
        render("portal_associated", practice_name="Harbor", link=link)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=7), "7 days"),
        (timedelta(minutes=90), "90 minutes"),
    ],
)
def test_duration_reads_well(span: timedelta, words: str) -> None:
    assert duration(span) == words


def test_duration_of_seconds_is_refused() -> None:
    with pytest.raises(ValueError, match="minutes"):
        duration(timedelta(seconds=90))
