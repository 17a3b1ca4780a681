"""The drawing in README is the one that its script makes, and names what the app has."""

from pathlib import Path
from xml.etree import ElementTree as ET

from tests.drawing.flow import drawing

ROOT = Path(__file__).parents[2]
SVG = ROOT / "docs" / "pictures" / "flow.svg"


def test_drawing_is_what_its_script_makes() -> None:
    assert SVG.read_text(encoding="utf-8") == drawing(), "make drawing"


def test_drawing_names_the_functions_of_the_app() -> None:
    # Its own file, made a line before: no entities of a stranger.
    names = {text.text for text in ET.fromstring(drawing()).iter("{http://www.w3.org/2000/svg}text")}  # noqa: S314
    assert names >= {file.parent.name for file in ROOT.glob("*/function.json")} != set()
