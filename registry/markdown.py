"""What people wrote in Markdown, as HTML for a page: text, lists, tables, code and links.

HTML in it stays text, scripts' addresses are no links, and pictures, which would be fetched from elsewhere, are not
shown.
"""

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

MOST_BRACKETS = 400
"""Each that opens is looked for to the end of its paragraph: the time grows with their square."""
_HIGHEST_HEADING = 3
_reader = MarkdownIt("js-default").disable("image")


def as_html(text: str) -> SafeString:
    """Headings begin at the third level: the page has the first two. Never fails; a text with more than MOST_BRACKETS
    opening brackets is shown as it is.
    """
    if text.count("[") > MOST_BRACKETS:
        return format_html('<pre class="p-wrap">{}</pre>', text)
    tokens = _reader.parse(text)
    for token in tokens:
        _fit(token)
    return mark_safe(_reader.renderer.render(tokens, _reader.options, {}))  # noqa: S308 (the reader escapes all HTML)


def _fit(token: Token) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + _HIGHEST_HEADING - 1)}"
    elif token.type == "table_open":
        token.attrSet("class", "p-table")
