"""Markdown on pages: marks become HTML, and nothing in it becomes a script, a picture or a long wait."""

import re

from hypothesis import given
from hypothesis import strategies as st

from registry import markdown


def test_text_becomes_paragraphs_lists_tables_code_and_links() -> None:
    html = markdown.as_html(
        "# Data\n**All** of `a<b`, see [there](https://example.org) & [Queue](#queue)\n\n- one\n- two\n\n"
        "| figure | value |\n|---|---|\n| AUC | 0.9 |\n\n```sh\nx < 1 **y**\n```\n"
    )
    for wanted in (
        "<h3>Data</h3>", "<strong>All</strong>", "<code>a&lt;b</code>", '<a href="https://example.org">there</a>',
        '<a href="#queue">Queue</a>', "&amp;", "<li>one</li>", '<table class="p-table">', "<td>AUC</td>",
        "x &lt; 1 **y**",
    ):  # fmt: skip
        assert wanted in html


def test_html_scripts_and_pictures_are_not_let_through() -> None:
    html = markdown.as_html(
        "<script>alert(1)</script> <img src=x onerror=alert(1)> ![dot](https://example.org/dot.png) "
        '[a](javascript:alert(1)) [b](data:text/html,x) [c](https://e.org"onclick="alert(1)) <javascript:alert(1)>'
    )
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert ' onclick="' not in html


@given(st.text(alphabet="[]()<>*_`#|-\n\\&;:!\"'= ahrefscipt0", max_size=300))
def test_whatever_is_written_only_known_elements_come_out(text: str) -> None:
    html = markdown.as_html(text)
    found = {name for piece in html.split("<")[1:] for name in re.findall(r"^/?(\w*)", piece)}
    assert found <= {
        "p", "h3", "h4", "h5", "h6", "ul", "ol", "li", "em", "strong", "s", "code", "pre", "a", "blockquote", "hr",
        "br", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip


def test_a_text_that_would_take_long_is_shown_as_it_is() -> None:
    text = "[" * (markdown.MOST_BRACKETS + 1) + "<b>"
    assert markdown.as_html(text) == f'<pre class="p-wrap">{text[:-3]}&lt;b&gt;</pre>'
