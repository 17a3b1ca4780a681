"""Files that people edit: whatever Core Tools read, the app reads alike."""

import codecs
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.app.clients import Clients
from shared.app.renew_subscriptions import desired
from shared.errors import Misconfigured
from shared.json_file import read_json_file
from tests.fakes.settings_environment import LEAST

PLAIN = '{"subscriptions": [{"resource": "/teams", "changeType": "created"}]}'
VALUE = {"subscriptions": [{"resource": "/teams", "changeType": "created"}]}
READABLE: dict[str, bytes] = {
    "plain": PLAIN.encode(),
    "UTF-8 with a mark": codecs.BOM_UTF8 + PLAIN.encode(),
    "UTF-16 of PowerShell 5": PLAIN.encode("utf-16"),
    "UTF-16 big-endian": codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
    "UTF-32": PLAIN.encode("utf-32"),
    "line comment": f"// all of it\n{PLAIN} // the end".encode(),
    "block comment": f'/* all\n"of" it, */{PLAIN}/**/'.encode(),
    "comment in an object": PLAIN.replace('"changeType"', '// "x":\r\n"changeType"').encode(),
    "trailing commas": PLAIN.replace("}]}", ",}, \n ],}").encode(),
    "comma before a comment": PLAIN.replace("}]}", "}, // one more?\n]}").encode(),
}
STRINGS = {
    '"https://x//y"': "https://x//y",
    '"/* no */ comment"': "/* no */ comment",
    '"a,]"': "a,]",
    r'"\"// \\"': '"// \\',
    '"\u00fc, }"': "\u00fc, }",
}
UNREADABLE = {
    "empty": b"",
    "cut off": b'{"a": [',
    "two commas": b"[1,,]",
    "open comment": b"/* {}",
    "open string": b'{"a": "// b',
    "words": b"subscriptions",
    "Latin-1": b'{"a": "\xfc"}',
    "half of UTF-16": codecs.BOM_UTF16_LE + b"{",
    "nested too deeply": b"[" * 100_000,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "subscriptions.json"


@pytest.mark.parametrize("data", READABLE.values(), ids=READABLE)
def test_subscriptions_file_is_read_as_core_tools_read_theirs(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    assert read_json_file(file) == VALUE
    (wanted,) = desired(Clients.from_environ(LEAST), file)
    assert (wanted.resource, wanted.change_types) == ("/teams", frozenset({"created"}))


@pytest.mark.parametrize(("text", "value"), STRINGS.items(), ids=range(len(STRINGS)))
def test_string_in_a_json_file_is_no_comment_and_no_comma(file: Path, text: str, value: str) -> None:
    file.write_text(f"[{text}, // {text}\n]", encoding="utf-8")
    assert read_json_file(file) == [value]


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_json_file_is_misconfigured_by_name(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(Misconfigured, match=r"subscriptions\.json cannot be read"):
        read_json_file(file)


def test_missing_json_file_is_misconfigured_by_name(file: Path) -> None:
    with pytest.raises(Misconfigured, match=r"subscriptions\.json cannot be read"):
        read_json_file(file)


@pytest.mark.parametrize("data", [b"", b"// one\n// two\n", b"/* one\ntwo */\n", b"[\n1,\n]\n"], ids=range(4))
def test_error_in_a_json_file_has_its_line_and_column(file: Path, data: bytes) -> None:
    file.write_bytes(data + b"  wrong")
    line = data.count(b"\n") + 1
    with pytest.raises(Misconfigured, match=rf"line {line} column 3"):
        read_json_file(file)


@pytest.mark.parametrize(
    ("text", "value"), [("64", 64), ("true", True), ("1.50", Decimal("1.50")), ("null", None)], ids=str
)
def test_numbers_and_booleans_in_a_json_file_keep_their_value(file: Path, text: str, value: Any) -> None:
    file.write_text(text)
    assert str(read_json_file(file)) == str(value)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ['"' + "\\" * 200_000, "/*" * 100_000, "," + " " * 200_000, '"a" ' * 50_000])
def test_cost_of_a_large_json_file_is_bounded(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(Misconfigured):
        read_json_file(file)
