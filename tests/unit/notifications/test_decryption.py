"""Decryption.

Guards, each with the test that fails without it (``python -m tests.guards`` removes them in turn): strict Base64, OAEP
over SHA-1, the key's length, the signature before anything is opened, padding, UTF-8, JSON, an object.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from sandbox.graph.encryption import encrypt
from shared.errors import Undecryptable
from shared.notifications.decryption import ResourceContent, decrypt, unwrap_key
from tests.fakes.graph_sender import graph, key_pair
from tests.hostile.contents import BAD_CONTENTS, flipped
from tests.sender import CONTENT, PLAINTEXT, received_content

GENUINE = Path(__file__).parents[4] / "shared" / "vectors" / "graph-notification-2021"


def _decrypt(content: dict[str, Any], key: RSAPrivateKey | None = None) -> bytes:
    return _opened(content, key or key_pair()[0]).json_bytes


def _opened(content: dict[str, Any], key: RSAPrivateKey) -> ResourceContent:
    encrypted = received_content(content)
    return decrypt(encrypted, unwrap_key(encrypted, key))


# The genuine notification is of 4,096 bits; making such a key takes a second.
@pytest.mark.slow
@pytest.mark.parametrize("size", [2048, 3072])
def test_what_graph_encrypts_opens_byte_for_byte(size: int) -> None:
    key, certificate = key_pair(size, str(size))
    content = _opened(encrypt(PLAINTEXT, certificate, "id"), key)
    assert (content.json_bytes, content.resource) == (PLAINTEXT, CONTENT)


@pytest.fixture(scope="module", autouse=True)
def _keys() -> None:
    """Make the keys beforehand, which takes longer than Hypothesis allows for an example."""
    key_pair()
    graph()


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_any_resource_opens_as_it_was_sealed(resource: dict[str, Any]) -> None:
    plaintext = json.dumps(resource).encode()
    assert _decrypt(graph().encrypted(plaintext)) == plaintext


@given(st.sampled_from(["data", "dataKey", "dataSignature"]), st.integers(min_value=0))
def test_one_flipped_bit_never_opens(part: str, position: int) -> None:
    content = graph().encrypted()
    length = len(base64.b64decode(content[part]))
    with pytest.raises(Undecryptable):
        _decrypt(content | {part: flipped(content[part], position % length)})


@pytest.mark.parametrize("name", BAD_CONTENTS)
def test_bad_content_never_opens_and_all_failures_look_alike(name: str) -> None:
    """Peers' holes 7, 15 and 19: the mismatch logged only, OAEP over SHA-256, lenient Base64, a key of 16 bytes."""
    with pytest.raises(Undecryptable) as caught:
        _decrypt(BAD_CONTENTS[name](graph()))
    assert str(caught.value) == "the encrypted content cannot be decrypted"


def test_content_for_another_certificate_does_not_open() -> None:
    with pytest.raises(Undecryptable):
        _decrypt(graph().encrypted(), key_pair(name="second")[0])


@pytest.mark.slow
@pytest.mark.skipif(not GENUINE.exists(), reason="the genuine notification is not at hand")
def test_a_genuine_notification_decrypts_to_its_expected_bytes() -> None:
    password = (GENUINE / "password.txt").read_bytes()
    key, _, _ = pkcs12.load_key_and_certificates((GENUINE / "key.pfx").read_bytes(), password)
    assert isinstance(key, RSAPrivateKey)
    content = json.loads((GENUINE / "encryptedContent.json").read_text())
    assert _decrypt(content, key) == (GENUINE / "expected.json").read_bytes().strip()


def test_content_says_nothing_in_a_log() -> None:
    content = graph().encrypted()
    encrypted = received_content(content)
    values = repr(encrypted) + repr(_opened(content, key_pair()[0]))
    assert "1612289992105" not in values
    assert repr(encrypted.data_key) not in values
