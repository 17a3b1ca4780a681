"""How a change flows from Teams to a consumer, as SVG: ``python -m tests.drawing.flow docs/pictures/flow.svg``.

The colours follow the reader's colour scheme; the background is the page's.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

_WIDTH, _HEIGHT = 940, 372
_TITLE = "How a change flows from Teams to your consumer, and what happens to one that cannot be published at once"
_STYLE = """
  text { font: 13px system-ui, "Segoe UI", sans-serif; fill: #1f2328; text-anchor: middle }
  .name { font-weight: 600; font-size: 14px }
  .small { font-size: 12px; fill: #59636e }
  .theirs { fill: #f6f8fa; stroke: #8c959f }
  .app { fill: #ddf4ff; stroke: #0969da }
  .kept { fill: #fff8c5; stroke: #9a6700 }
  .arrow { fill: none; stroke: #59636e; stroke-width: 1.5; marker-end: url(#head) }
  #head path { fill: #59636e }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .theirs { fill: #151b23; stroke: #656c76 }
    .app { fill: #121d2f; stroke: #4493f8 }
    .kept { fill: #272115; stroke: #d29922 }
    .arrow { stroke: #9198a1 }
    #head path { fill: #9198a1 }
  }
"""
_HEAD = (
    '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 8 4 0 8Z"/></marker>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """A part of the system: ``kind`` is a class of the style sheet, ``about`` the lines below its name."""

    kind: str
    x: int
    y: int
    width: int
    height: int
    name: str
    about: tuple[str, ...] = ()

    def svg(self) -> Iterator[str]:
        place = f'x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}"'
        yield f'<rect class="{self.kind}" {place} rx="6"/>'
        middle = self.x + self.width // 2
        yield _text("name", middle, self.y + 24, self.name)
        yield from (_text("small", middle, self.y + 43 + 17 * row, line) for row, line in enumerate(self.about))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrow:
    """What goes from one box to another: ``path`` is that of SVG, ``at`` the place of the middle of its text."""

    path: str
    text: tuple[str, ...] = ()
    at: tuple[int, int] = (0, 0)

    def svg(self) -> Iterator[str]:
        yield f'<path class="arrow" d="{self.path}"/>'
        x, y = self.at
        yield from (_text("small", x, y + 16 * row, line) for row, line in enumerate(self.text))


_BOXES = (
    _Box(kind="theirs", x=8, y=40, width=90, height=64, name="Teams"),
    _Box(kind="theirs", x=142, y=40, width=140, height=64, name="Microsoft Graph", about=("encrypts and signs",)),
    _Box(
        kind="app",
        x=352,
        y=16,
        width=214,
        height=112,
        name="ReceiveNotification",
        about=("authenticates", "decrypts: key of Key Vault", "publishes once", "answers in 3 seconds"),
    ),
    _Box(kind="theirs", x=656, y=40, width=140, height=64, name="teams-events", about=("queue or event hub",)),
    _Box(kind="theirs", x=836, y=40, width=96, height=64, name="Consumer", about=("yours",)),
    _Box(kind="kept", x=352, y=196, width=101, height=64, name="parked", about=("may work later",)),
    _Box(kind="kept", x=465, y=196, width=101, height=64, name="quarantine", about=("will not work",)),
    _Box(
        kind="app",
        x=142,
        y=300,
        width=311,
        height=64,
        name="RenewSubscriptions",
        about=("every five minutes",),
    ),
)
_ARROWS = (
    _Arrow(path="M98 72H140"),
    _Arrow(path="M282 72H350", text=("POST",), at=(316, 64)),
    _Arrow(path="M566 72H654", text=("CloudEvent",), at=(611, 64)),
    _Arrow(path="M796 72H834"),
    _Arrow(path="M402 128V194"),
    _Arrow(path="M515 128V194"),
    _Arrow(path="M402 260V298", text=("tried again",), at=(442, 284)),
    _Arrow(path="M176 300V106", text=("creates,", "renews,", "repairs"), at=(142, 190)),
    _Arrow(path="M248 104V298", text=("reads what", "was missed"), at=(292, 190)),
    _Arrow(path="M453 332H726V106", text=("what was parked, and what was missed",), at=(590, 324)),
)


def drawing() -> str:
    """Return the drawing."""
    parts = [line for part in (*_ARROWS, *_BOXES) for line in part.svg()]
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
    return "\n".join([opening, f"<title>{_TITLE}</title>", f"<style>{_STYLE}</style>", _HEAD, *parts, "</svg>", ""])


def _text(kind: str, x: int, y: int, text: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(drawing(), encoding="utf-8")
