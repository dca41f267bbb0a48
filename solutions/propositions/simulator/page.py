"""The comparison as a table and a picture for the docs."""

from html import escape

from solutions.propositions.simulator.comparison import Comparison, Line

BEGIN, END = "<!-- simulation: begin -->", "<!-- simulation: end -->"
PICTURE = "propositions-click-rate.svg"

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 720, 190, 90, 34, 16


def table(found: Comparison, *, seed: int) -> str:
    """Markdown: a line for each ranking, and by how much the learned one is better."""
    lines = [
        f"![Clicks per impression of each ranking]({PICTURE})",
        "",
        f"Seed {seed}; {found.impressions:,} impressions for each. *Gained* says where a ranking stands between random "
        "(0 %) and the oracle, which knows the true probabilities (100 %).",
        "",
        "| ranking | clicks per impression | 95 % range | gained | categories in a list of 5 |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {line.name} | {line.rate.value:.4f} | {line.rate.low:.4f} to {line.rate.high:.4f} | "
        f"{line.gained:.0%} | {line.categories:.2f} |"
        for line in found.lines
    ]
    told = [
        f"{name} by {figure.value:+.4f} ({figure.low:+.4f} to {figure.high:+.4f})"
        for name, figure in found.better.items()
    ]
    lines += [
        "",
        f"With the usual diversity the learned ranking differs from {', from '.join(told)} clicks per impression.",
    ]
    return "\n".join(lines)


def inserted(text: str, told: str) -> str:
    """`text` with what stands between the two marks replaced. Raises ValueError without marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page has no place for the simulation: put {BEGIN} and {END} into it.")
    return f"{before}{BEGIN}\n\n{told}\n\n{END}{after}"


def picture(found: Comparison) -> str:
    """An SVG that is readable on light and dark ground: a bar for each ranking with its range."""
    most = max(line.rate.high for line in found.lines) * 1.05
    height = _TOP + _ROW * len(found.lines) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'font-family="sans-serif" font-size="14">',
        "<title>Clicks per impression of each ranking, with 95 % ranges</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, line in enumerate(found.lines):
        parts += _bar(line, _TOP + number * _ROW, most)
    parts.append(
        f'<text x="{_LEFT}" y="{height - 12}" fill="#555555">clicks per impression; lines: 95 % range over users</text>'
    )
    return "\n".join([*parts, "</svg>", ""])


def _bar(line: Line, top: int, most: float) -> list[str]:
    def x(value: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * value / most, 1)

    middle = top + _ROW / 2
    fill = "#2563eb" if line.name.startswith("learned") else "#94a3b8"
    return [
        f'<text x="{_LEFT - 10}" y="{middle + 5}" text-anchor="end" fill="#111111">{escape(line.name)}</text>',
        f'<rect x="{_LEFT}" y="{top + 6}" width="{x(line.rate.value) - _LEFT:.1f}" height="{_ROW - 12}" '
        f'fill="{fill}"/>',
        f'<path d="M{x(line.rate.low)} {middle}H{x(line.rate.high)}" stroke="#111111" stroke-width="2"/>',
        f'<text x="{x(line.rate.high) + 8}" y="{middle + 5}" fill="#111111">{line.rate.value:.3f}</text>',
    ]
