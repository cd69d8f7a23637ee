"""The canonical rendition of a paper: HTML without styles, scripts or anything fetched from elsewhere."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from portal_api.integrations.papers.content import Paper

MEDIA_TYPE = "text/html; charset=utf-8"
_environment = Environment(
    loader=PackageLoader(__name__.rpartition(".")[0], "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def as_html(paper: Paper) -> bytes:
    """The same bytes for the same paper, in every process: what signatures are given on."""
    return _environment.get_template("paper.html.jinja").render(paper=paper).encode()
