"""Papers: the same bytes for the same content, text that stays text, PDFs made outside this process."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from portal_api.core.errors import Unavailable
from portal_api.integrations.papers import (
    Certificate,
    Fact,
    Item,
    Paper,
    Section,
    Signer,
    as_html,
    as_pdf,
    lines,
    press,
)

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><polyline points="0,0 9,9" stroke="black"/></svg>'
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60)


def paper(text: str = "I agree.", title: str = "Consent", certificate: Certificate | None = None) -> Paper:
    return Paper(
        title=title,
        issuer="Harbor Therapy",
        facts=(Fact("Client", text),),
        sections=(Section("Terms", (text,), (Item((text,)), Item(("Why?",), (text, text)), Item(("Or?",), ()))),),
        certificate=certificate,
    )


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


@given(TEXTS)
def test_the_html_is_the_same_each_time_and_markup_is_text_in_it(text: str) -> None:
    html = as_html(paper(text))
    assert html == as_html(Paper.of(paper(text).stored()))
    assert html.count(b"<script") == 0
    assert html.count(b"<") == as_html(paper()).count(b"<")


@given(TEXTS, TEXTS)
def test_another_text_is_another_document(one: str, other: str) -> None:
    assert (as_html(paper(one)) == as_html(paper(other))) == (one == other)


def test_the_html_fetches_and_runs_nothing() -> None:
    html = as_html(paper("<script>alert(1)</script><img src=x onerror=y>"))
    for active in (b"<script", b"<img", b"<style", b"<link", b"href", b"src=x>"):
        assert active not in html


@pytest.mark.parametrize(
    "text",
    [
        '#read("/etc/passwd")',
        "*not bold* _nor_ this $x^2$ `raw` <label> @ref",
        '#import "@preview/tablex:0.0.8": *',
        "\\#let x = 1 // comment /* x */",
        "= Not a heading",
        "a" * 400,
        "Łódź, Ελληνικά, Кириллица",
    ],
)
async def test_text_is_never_read_as_markup(text: str) -> None:
    (pdf,) = await as_pdf([paper(text)])
    shown = "".join(text_of(pdf).split()).replace("\u200b", "")
    assert shown.count("".join(text.split())) == 5
    assert "root:" not in shown


async def test_a_pdf_is_tagged_and_says_that_it_is_accessible() -> None:
    """PDF/UA-1, ISO 14289-1: structure, language, title."""
    signer = Signer("Grace, for myself", ("I agree.",), (Fact("Signed", "2031"),), SVG)
    certificate = Certificate("Certificate", ("Evidence.",), (Fact("SHA-256", "0" * 64),), (signer,), ("Verify it.",))
    (pdf,) = await as_pdf([paper(certificate=certificate)])
    read = PdfReader(io.BytesIO(pdf))
    root = read.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 - pypdf's own class of booleans
    assert root["/Lang"] == "en"
    assert "/StructTreeRoot" in root
    assert b"pdfuaid:part>1<" in root["/Metadata"].get_data()
    assert read.metadata is not None
    assert read.metadata.title == "Consent"
    assert "0" * 64 in text_of(pdf)


async def test_letters_without_a_font_make_a_pdf_that_claims_nothing() -> None:
    (pdf,) = await as_pdf([paper("𒀀𒀁")])
    assert b"pdfuaid:part" not in PdfReader(io.BytesIO(pdf)).trailer["/Root"]["/Metadata"].get_data()


async def test_many_papers_are_made_in_their_order() -> None:
    pdfs = await as_pdf([paper(f"Paper {n}") for n in range(5)])
    assert ["Paper 3" in text_of(pdf) for pdf in pdfs] == [False, False, False, True, False]


async def test_this_process_never_loads_what_makes_them() -> None:
    await as_pdf([paper()])
    assert "typst" not in sys.modules


async def test_what_cannot_be_printed_is_a_refusal_and_says_nothing_of_the_paper(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = Certificate("C", (), (), (Signer("Secret Name", (), (), b"no picture"),))
    with pytest.raises(Unavailable):
        await as_pdf([paper(certificate=broken)])
    assert "Secret" not in "".join(capsys.readouterr())


async def test_one_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "TIMEOUT", 0.0)
    with pytest.raises(Unavailable):
        await as_pdf([paper()])


def test_lines_are_what_is_written_in_them() -> None:
    assert lines(" One.\n\n  Two. \r\n") == ("One.", "Two.")
