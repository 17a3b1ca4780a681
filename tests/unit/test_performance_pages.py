"""What a run has measured, as pages: Markdown tables, costs that can be read again, and a drawing."""

import xml.etree.ElementTree as ET

from benchmarks.pages.documents import costs_table, markdown
from benchmarks.pages.plot import svg
from benchmarks.pages.scaling import costs_of
from benchmarks.tables import Figure, Target, figures_table

SVG = "{http://www.w3.org/2000/svg}"


def test_costs_are_read_from_the_page_as_they_were_measured() -> None:
    costs = {"message, queue": "2.40 ms", "event": "4,137 bytes", "RSA, key of 2,048 bits": "251 µs"}
    assert costs_of(costs_table(costs)) == {"message, queue": 2.4, "event": 4137, "RSA, key of 2,048 bits": 251}


def test_table_of_a_page_has_the_verdict_without_its_colour() -> None:
    figures = [Figure(name="a|b", value="1 ms", target=Target(text="≤ 2", met=True)), Figure(name="c", value="3")]
    lines = markdown(figures_table("t", figures, caption="")).splitlines()
    assert lines == [
        "|  | measured | target | met |",
        "| --- | --- | --- | --- |",
        "| a\\|b | 1 ms | ≤ 2 | yes |",
        "| c | 3 |  |  |",
    ]


def test_longest_bar_of_each_kind_has_the_same_length() -> None:
    bars = {("one", "a<b"): 1.0, ("one", "c"): 4.0, ("two", "a<b"): 50.0, ("two", "c"): 25.0}
    drawing = ET.fromstring(svg(bars, "Title"))  # noqa: S314  it was made here
    lengths = [int(bar.attrib["width"]) for bar in drawing.iter(f"{SVG}rect") if bar.attrib.get("height") == "12"]
    # Before the bars are the two squares of the legend.
    assert lengths[2:] == [130, 520, 520, 260]
    assert [text.text for text in drawing.iter(f"{SVG}text")][:2] == ["a<b", "c"]
