"""What a paper says, without a word about how it looks."""

from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

Lines = tuple[str, ...]
"""Text, a paragraph each."""


class Fact(NamedTuple):
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Item:
    """A statement, or a question with its answer; `answer` is None for what is not asked."""

    text: Lines
    answer: Lines | None = None


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    text: Lines = ()
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Signer:
    """One signature, as a certificate shows it. `drawn` is an SVG."""

    heading: str
    statements: Lines
    facts: tuple[Fact, ...]
    drawn: bytes | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """Who signed a paper, and how to find out whether that is so."""

    title: str
    text: Lines
    facts: tuple[Fact, ...]
    signers: tuple[Signer, ...]
    notes: Lines = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper; `language` is a BCP 47 tag, `size` one of `us-letter` and `a4`."""

    title: str
    issuer: str
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    language: str = "en"
    size: str = "us-letter"
    certificate: Certificate | None = None

    def stored(self) -> dict[str, Any]:
        """As JSON, without a certificate."""
        return asdict(replace(self, certificate=None))

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Paper":
        """The paper that was stored."""
        sections = tuple(
            Section(
                section["title"],
                tuple(section["text"]),
                tuple(
                    Item(tuple(item["text"]), None if item["answer"] is None else tuple(item["answer"]))
                    for item in section["items"]
                ),
            )
            for section in stored["sections"]
        )
        facts = tuple(Fact(label, value) for label, value in stored["facts"])
        return cls(stored["title"], stored["issuer"], facts, sections, stored["language"], stored["size"])


def lines(text: str) -> Lines:
    """The paragraphs of a text that somebody wrote."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())
