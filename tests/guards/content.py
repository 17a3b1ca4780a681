"""The guards of decryption, and of the certificate id that leads to the key."""

from tests.guards.guard import Guard

_TESTS = "tests/unit/notifications/test_decryption.py"
_BAD = f"{_TESTS}::test_bad_content_never_opens_and_tells_no_step_from_another"


def _guard(name: str, snippet: str, without: str, test: str = _BAD) -> Guard:
    return Guard(
        name=f"decryption: {name}",
        module="shared/notifications/decryption.py",
        snippet=snippet,
        without=without,
        test=test,
    )


def _version(name: str, snippet: str, without: str) -> Guard:
    return Guard(
        name=f"certificate id: {name}",
        module="shared/identity/key_vault.py",
        snippet=snippet,
        without=without,
        test="tests/unit/identity/test_key_vault.py::test_what_does_not_look_like_a_version_is_not_even_asked_for",
    )


GUARDS = (
    _guard("strict Base64 of data", "content.data, validate=True", "content.data"),
    _guard("strict Base64 of dataKey", "content.data_key, validate=True", "content.data_key"),
    _guard("strict Base64 of dataSignature", "content.data_signature, validate=True", "content.data_signature"),
    _guard(
        "OAEP over SHA-1",
        "OAEP(mgf=MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)",
        "OAEP(mgf=MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)",
        f"{_TESTS}::test_what_graph_encrypts_opens_byte_for_byte",
    ),
    _guard(
        "the key's length",
        """\
    if len(key) != _KEY_BYTES:
        raise ValueError("the wrapped key is not an AES-256 key")
""",
        "",
    ),
    _guard("signature checked at all", "        _check_signature(key,", "        (key,"),
    _guard(
        "signature",
        """\
    if not hmac.compare_digest(hmac.digest(key, ciphertext, hashlib.sha256), signature):
        raise ValueError("the signature does not match")
""",
        "",
    ),
    _guard(
        "signature in full",
        "hmac.digest(key, ciphertext, hashlib.sha256), signature)",
        "hmac.digest(key, ciphertext, hashlib.sha256)[: len(signature)], signature)",
    ),
    _guard(
        "padding",
        "    return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()",
        "    padded = decryptor.update(ciphertext) + decryptor.finalize()\n    return padded[: -(padded or b'1')[-1]]",
    ),
    _guard(
        "one failure for all",
        """\
    except (ValueError, Malformed) as exc:
        raise Undecryptable("the encrypted content cannot be decrypted") from exc
""",
        "    finally:\n        pass\n",
    ),
    _guard("what is no JSON", "except (ValueError, Malformed) as exc:", "except ValueError as exc:"),
    _guard(
        "an object",
        """\
        if not isinstance(resource, dict):
            raise Malformed("not an object")
""",
        "",
    ),
    _version("looks like a version", "if not _VERSION.fullmatch(certificate_id) or ", "if "),
    _version("from end to end", "_VERSION.fullmatch(", "_VERSION.match("),
    _version("lower-case hex digits", '"[0-9a-f]{32}"', '"[0-9A-Fa-f]{32}"'),
)
