"""The places in a page of the docs that a link can name."""

import re
from pathlib import Path


def anchors(page: Path) -> list[str]:
    """The anchor of each heading, as GitHub makes them, then those that the page sets itself."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return made + re.findall(r'<a id="([^"]+)">', text)
