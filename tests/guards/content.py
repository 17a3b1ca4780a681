"""The guards of what a POST contains: how it is parsed, and how its resource data are decrypted."""

from tests.guards.edits import (
    condition,
    keyword_becomes,
    rewrite,
    without_call,
    without_except,
    without_item,
    without_keyword,
    without_operand,
    without_raise,
)
from tests.guards.guard import Guarded

_COLLECTION = "tests/unit/notifications/test_collection.py"
_NEEDED = f"{_COLLECTION}::test_required_property_that_is_no_short_printable_text_is_malformed"
_OPTIONAL = f"{_COLLECTION}::test_optional_property_of_the_wrong_type_is_malformed"
_NO_TENANT = f"{_COLLECTION}::test_item_without_a_tenant_is_left_out"
_STORED = "tests/unit/notifications/test_collection_to_json.py"
_MISFITS = f"{_STORED}::test_positions_that_do_not_fit_are_ignored"
_DENSE = f"{_STORED}::test_body_denser_than_graphs_is_malformed"
_POSITIONS = f"{_STORED}::test_stored_items_keep_their_positions"
_NOT_WRITTEN = f"{_STORED}::test_number_that_json_does_not_have_is_not_written"
_ENCODING = f"{_COLLECTION}::test_json_in_another_encoding_is_refused"
_NUMBERS = f"{_COLLECTION}::test_numbers_that_json_cannot_hold_are_refused"
_TOKENS = f"{_COLLECTION}::test_anything_but_a_text_is_no_validation_token"
_ORGANIZATION = f"{_COLLECTION}::test_organization_id_stands_in_for_a_missing_tenant_id"
_SECRET = f"{_COLLECTION}::test_nothing_secret_is_shown_in_a_log"
_SIZE = f"{_COLLECTION}::test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not"
_NUMBER = f"{_COLLECTION}::test_more_items_than_a_genuine_body_has_are_refused"
_EMPTY = f"{_COLLECTION}::test_empty_text_means_absent"
_OUTCOME = "tests/unit/receiving/test_receive.py::test_every_post_has_its_documented_outcome_and_writes_no_log"
_DECRYPTION = "tests/unit/notifications/test_decryption.py"
_BAD = f"{_DECRYPTION}::test_bad_content_never_opens_and_all_failures_look_alike"
_VERSION = "tests/unit/identity/test_key_vault.py::test_text_that_is_no_version_is_not_asked_for"

_json = Guarded(area="JSON", module="shared/notifications/json_text.py")
_parsing = Guarded(area="parsing", module="shared/notifications/collection.py")
_item = Guarded(area="item", module="shared/notifications/collection.py")
_decryption = Guarded(area="decryption", module="shared/notifications/decryption.py")
_certificate_id = Guarded(area="certificate id", module="shared/identity/key_vault.py")

_PARSING = (
    _parsing("size", "ChangeNotificationCollection.from_json", without_raise("TooLarge", "MAX_BODY_BYTES"), _SIZE),
    _parsing(
        "number of items", "ChangeNotificationCollection.from_json", without_raise("TooLarge", "MAX_ITEMS"), _NUMBER
    ),
    _json(
        "UTF-8 only",
        "_decoded",
        rewrite("_1.decode('utf-8')", "_1.decode(json.detect_encoding(_1), 'surrogatepass')"),
        _ENCODING,
    ),
    _json("UTF-8 without errors", "_decoded", rewrite("_1.decode('utf-8')", "_1.decode('utf-8', 'replace')"), _OUTCOME),
    _json("invalid JSON", "_decoded", without_item("ValueError"), _OUTCOME),
    _json("nesting", "_decoded", without_item("RecursionError"), _BAD),
    _json("density", "parse_untrusted_json", without_raise("Malformed"), _DENSE),
    _json("backslashes", "_TOKENS", rewrite("(_1, _2, _3, _)", "(_1, _2, _3)"), _DENSE),
    _json("NaN and Infinity", "_reject_constant", rewrite("raise ValueError(_)", "return math.nan"), _NUMBERS),
    _json("NaN in a POST", "_FAST_DECODER", without_keyword("JSONDecoder", "parse_constant"), _OUTCOME),
    _json("numbers beyond a double", "_finite_float", without_raise("ValueError"), _NUMBERS),
    _json("digits", "_short_int", without_raise("ValueError"), _OUTCOME),
    _parsing("a collection", "ChangeNotificationCollection.from_json", without_raise("Malformed"), _OUTCOME),
    _parsing("a JSON object", "_with_graph_spelling", without_raise("Malformed"), _OPTIONAL),
    _parsing("one bad item spoils no other", "_item_or_none", without_except("Malformed"), _NO_TENANT),
    _parsing("texts are strings", "_optional_text", without_operand("isinstance"), _NEEDED),
    _parsing("empty texts are absent", "_optional_text", rewrite("_1 is None or _1 == ''", "_1 is None"), _EMPTY),
    _parsing("texts are short", "_optional_text", without_operand("MAX_TEXT"), _NEEDED),
    _parsing("texts are printable", "_optional_text", without_operand("isprintable"), _NEEDED),
    _parsing("no other text", "_optional_text", without_raise("Malformed"), _NEEDED),
    _parsing("needed properties", "_required_text", without_raise("Malformed"), _NEEDED),
    _parsing("the tenant is needed", "_tenant_id", without_raise("Malformed"), _NO_TENANT),
    _parsing("resourceData is an object", "_object", without_raise("Malformed"), _OPTIONAL),
    _parsing(
        "tokens that are not strings", "_validation_tokens", condition("isinstance", becomes=True, nth=0), _TOKENS
    ),
    _parsing("tokens that are not a list", "_validation_tokens", condition("isinstance", becomes=True, nth=1), _TOKENS),
    _parsing("stored positions", "_positions", rewrite("_ if _ else range(_1)", "range(_1)"), _POSITIONS),
    _parsing("a position for each item", "_positions", without_operand("len"), _MISFITS),
    _parsing("positions are whole numbers", "_positions", without_operand("int"), _MISFITS),
    _parsing("positions are a list", "_positions", without_operand("list"), _MISFITS),
    _parsing(
        "no number in storage that JSON does not have",
        "to_json",
        keyword_becomes("dumps", "allow_nan", "True"),
        _NOT_WRITTEN,
    ),
)

_ITEMS = (
    _item(
        "parts of the content are strings",
        "EncryptedContent.from_json",
        rewrite("_1 if isinstance(_1, str) else ''", "_1"),
        _OUTCOME,
    ),
    _item(
        "a client state is a string",
        "ReceivedItem.from_json",
        rewrite("_1 if isinstance(_1, str) else None", "_1"),
        "tests/unit/notifications/test_client_state.py::test_any_other_client_state_is_refused",
    ),
    _item("tenants in lower case", "_tenant_id", rewrite("_1.lower()", "_1"), _ORGANIZATION),
    _item("no client state in a log", "ReceivedItem.client_state", without_keyword("field", "repr"), _SECRET),
    _item("no raw item in a log", "ReceivedItem.raw", without_keyword("field", "repr"), _SECRET),
)

_CONTENT = (
    _decryption("strict Base64 of data", "decrypt", without_keyword("b64decode", "validate", "data"), _BAD),
    _decryption("strict Base64 of dataKey", "decrypt", without_keyword("b64decode", "validate", "data_key"), _BAD),
    _decryption(
        "strict Base64 of dataSignature", "decrypt", without_keyword("b64decode", "validate", "data_signature"), _BAD
    ),
    _decryption("the key's length", "_check_signature", without_raise("ValueError", "_KEY_BYTES"), _BAD),
    _decryption("the signature is checked", "decrypt", without_call("_check_signature"), _BAD),
    _decryption("signature", "_check_signature", without_raise("ValueError", "compare_digest"), _BAD),
    _decryption(
        "signature in full",
        "_check_signature",
        rewrite("hmac.compare_digest(_1, _2)", "hmac.compare_digest(_1[: len(_2)], _2)"),
        _BAD,
    ),
    _decryption(
        "padding",
        "_decrypt_aes",
        rewrite(
            "_.update(_1.update(_2) + _1.finalize()) + _.finalize()",
            "(lambda padded: padded[: -(padded or b'1')[-1]])(_1.update(_2) + _1.finalize())",
        ),
        _BAD,
    ),
    _decryption("one error for every step", "decrypt", without_raise("Undecryptable"), _BAD),
    _decryption("invalid JSON", "decrypt", without_item("Malformed"), _BAD),
    _decryption("a JSON object", "ResourceContent.from_json", without_raise("Malformed"), _BAD),
)

_CERTIFICATE_IDS = (
    _certificate_id(
        "looks like a version", "CertificateVersions.private_key", without_raise("Undecryptable"), _VERSION
    ),
    _certificate_id(
        "from end to end",
        "CertificateVersions.private_key",
        rewrite("_VERSION.fullmatch(_1)", "_VERSION.match(_1)"),
        _VERSION,
    ),
)

GUARDS = (*_PARSING, *_ITEMS, *_CONTENT, *_CERTIFICATE_IDS)
