"""The guards of what a POST contains: how it is parsed, and how its resource data are decrypted."""

from tests.guards.edits import (
    rewrite,
    without_call,
    without_except,
    without_if,
    without_item,
    without_operand,
    without_raise,
)
from tests.guards.guard import Guarded

_COLLECTION = "tests/unit/notifications/test_collection.py"
_NEEDED = f"{_COLLECTION}::test_required_property_that_is_no_short_printable_text_is_malformed"
_OPTIONAL = f"{_COLLECTION}::test_optional_property_of_the_wrong_type_is_malformed"
_STORED = "tests/unit/notifications/test_collection_to_json.py"
_MISFITS = f"{_STORED}::test_positions_that_do_not_fit_are_ignored"
_DENSE = f"{_STORED}::test_body_denser_than_graphs_is_malformed"
_POSITIONS = f"{_STORED}::test_stored_items_keep_their_positions"
_SURROGATE = f"{_COLLECTION}::test_lone_surrogate_is_read_as_the_replacement_character"
_SURROGATES = f"{_COLLECTION}::test_body_full_of_surrogates_is_malformed"
_NOT_REPEATED = "tests/unit/gaps/test_recovered_events.py::test_a_message_that_json_cannot_repeat_is_malformed"
_STATES = "tests/unit/notifications/test_client_state.py"
_NO_ITEM = f"{_STATES}::test_what_is_no_item_is_refused"
_REFUSED = f"{_STATES}::test_any_other_client_state_is_refused"
_SPELLING = f"{_COLLECTION}::test_property_names_may_be_in_pascal_upper_or_lower_case"
_TOKENS = f"{_COLLECTION}::test_anything_but_a_text_is_no_validation_token"
_SIZE = f"{_COLLECTION}::test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not"
_NUMBER = f"{_COLLECTION}::test_more_items_than_a_genuine_body_has_are_refused"
_EMPTY = f"{_COLLECTION}::test_empty_text_means_absent"
_OUTCOME = "tests/unit/receiving/test_receive.py::test_every_post_has_its_documented_outcome_and_writes_no_log"
_DECRYPTION = "tests/unit/notifications/test_decryption.py"
_BAD = f"{_DECRYPTION}::test_bad_content_never_opens_and_all_failures_look_alike"
_VERSION = "tests/unit/identity/test_key_vault.py::test_text_that_is_no_version_is_not_asked_for"

_json = Guarded(area="JSON", module="shared/notifications/json_text.py")
_parsing = Guarded(area="parsing", module="shared/notifications/collection.py")
_property = Guarded(area="property", module="shared/notifications/properties.py")
_decryption = Guarded(area="decryption", module="shared/notifications/decryption.py")
_certificate_id = Guarded(area="certificate id", module="shared/identity/key_vault.py")

_JSON = (
    _json("UTF-8", "cheap_text", without_raise("Malformed"), _OUTCOME),
    _json("density", "_check_density", without_raise("Malformed"), _DENSE),
    _json("backslashes", "_TOKENS", rewrite("b',[{\\\\'", "b',[{'"), _DENSE),
    _json("invalid JSON", "decode", without_item("ValueError"), _OUTCOME),
    _json("nesting", "decode", without_item("RecursionError"), _BAD),
    _json("lone surrogates", "_with_whole_characters", rewrite("_whole", "rb'\\g<0>'"), _SURROGATE),
    _json("halves in a wrong order", "_whole", without_operand("_HIGH"), _SURROGATE),
    _json("escaped backslashes", "_whole", rewrite("(_1 - _2) % 2 == 0", "True"), _SURROGATE),
    _json("many surrogates", "_with_whole_characters", without_raise("Malformed"), _SURROGATES),
    _json("what cannot be written", "dump_json", without_item("ValueError"), _NOT_REPEATED),
    _json("what is nested too deeply to be written", "dump_json", without_item("RecursionError"), _NOT_REPEATED),
)

_PARSING = (
    _parsing("size", "ChangeNotificationCollection.from_json", without_raise("TooLarge", "MAX_BODY_BYTES"), _SIZE),
    _parsing("number of items", "_limited_list", without_raise("TooLarge", "MAX_ITEMS"), _NUMBER),
    _parsing("a collection", "_items", without_raise("Malformed"), _OUTCOME),
    _parsing("resourceData is an object", "_resource_data", without_raise("Malformed"), _OPTIONAL),
    _parsing("tokens that are not strings", "_validation_tokens", rewrite("_1 is not None", "True"), _TOKENS),
    _parsing("lists of tokens and positions", "_list_or_empty", without_operand("is_list"), _TOKENS),
    _parsing("number of tokens", "_list_or_empty", without_raise("TooLarge"), _NUMBER),
    _parsing("stored positions", "_positions", rewrite("_ if _ else _1", "_1"), _POSITIONS),
    _parsing("a position for each item", "_positions", rewrite("_1 if _ else _", "_1"), _MISFITS),
    _parsing("positions are whole numbers", "_positions", without_operand("isdigit"), _MISFITS),
    _parsing("positions are short", "_positions", without_operand("_POSITION_DIGITS"), _MISFITS),
)

_PROPERTIES = (
    _property("what is no object is no item", "ObjectReader.read_or_none", without_if("_BRACE"), _NO_ITEM),
    _property("spelling", "ObjectReader._respelt", rewrite("self._graph_spelling[_1]", "_1"), _SPELLING),
    _property("texts are texts", "text_or_none", without_operand("_QUOTE"), _REFUSED),
    _property("texts are short", "is_loggable", without_operand("MAX_TEXT"), _NEEDED),
    _property("texts are printable", "is_loggable", without_operand("isprintable"), _NEEDED),
    _property("null is absent", "present", rewrite("None if _ else _1", "_1"), _EMPTY),
    _property("empty texts are absent", "optional_text", rewrite("_1 or None", "_1"), _EMPTY),
    _property("no other value", "optional_text", without_raise("Malformed"), _NEEDED),
    _property("needed properties", "required_text", without_raise("Malformed"), _NEEDED),
    _property("content that is not in Base64", "base64_or_empty", without_except("Malformed"), _BAD),
)

_CONTENT = (
    _decryption("one error for the key", "unwrap_key", without_raise("Undecryptable"), _BAD),
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

GUARDS = (*_JSON, *_PARSING, *_PROPERTIES, *_CONTENT, *_CERTIFICATE_IDS)
