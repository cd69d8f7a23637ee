"""Papers that the program writes: as HTML, always the same bytes for the same content; as PDF, for people to keep."""

from portal_api.integrations.papers.content import Certificate, Fact, Item, Paper, Section, Signer, lines
from portal_api.integrations.papers.html import as_html
from portal_api.integrations.papers.press import as_pdf

__all__ = ["Certificate", "Fact", "Item", "Paper", "Section", "Signer", "as_html", "as_pdf", "lines"]
