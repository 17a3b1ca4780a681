"""Bars of processor time by kind of POST and source tree, as SVG."""

from collections.abc import Iterator, Mapping
from html import escape

_BAR, _GAP, _LEFT, _WIDTH, _RIGHT = 14, 16, 190, 520, 90
_COLOURS = ("#2b6cb0", "#63b3ed", "#a0aec0", "#cbd5e0", "#e2e8f0")
_TEXT = 'font-family="sans-serif" font-size="12" fill="#2d3748"'

type Bars = Mapping[tuple[str, str], float]
"""Milliseconds, by kind of POST and tree."""


def svg(bars: Bars, title: str) -> str:
    """Return the drawing: within a kind, each bar is as long as its part of the longest one of that kind."""
    kinds = list(dict.fromkeys(kind for kind, _ in bars))
    trees = list(dict.fromkeys(tree for _, tree in bars))
    body, top = list(_legend(trees)), 2 * _GAP + 24
    for kind in kinds:
        ours = [(trees.index(tree), bars[kind, tree]) for tree in trees if (kind, tree) in bars]
        body.append(f'<text x="8" y="{top + _BAR}" {_TEXT}>{escape(kind)}</text>')
        body += _group(ours, top)
        top += len(ours) * _BAR + _GAP
    width = _LEFT + _WIDTH + _RIGHT
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" role="img">'
    background = f'<rect width="{width}" height="{top}" fill="white"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", background, *body, "</svg>", ""])


def _group(bars: list[tuple[int, float]], top: int) -> Iterator[str]:
    longest = max(value for _, value in bars)
    for row, (colour, value) in enumerate(bars):
        y, length = top + row * _BAR, max(1, round(value / longest * _WIDTH))
        fill = _COLOURS[colour % len(_COLOURS)]
        yield f'<rect x="{_LEFT}" y="{y}" width="{length}" height="{_BAR - 2}" fill="{fill}"/>'
        yield f'<text x="{_LEFT + length + 6}" y="{y + _BAR - 3}" {_TEXT}>{value:,.2f} ms</text>'


def _legend(trees: list[str]) -> Iterator[str]:
    for number, tree in enumerate(trees):
        x, fill = _LEFT + number * 150, _COLOURS[number % len(_COLOURS)]
        yield f'<rect x="{x}" y="10" width="12" height="12" fill="{fill}"/>'
        yield f'<text x="{x + 18}" y="20" {_TEXT}>{escape(tree)}</text>'
