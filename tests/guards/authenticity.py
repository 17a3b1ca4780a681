"""The guards of what proves that a POST is genuine: client states, validation tokens, and the keys that sign them."""

from tests.guards.edits import (
    condition,
    keyword_becomes,
    rewrite,
    without_call,
    without_except,
    without_if,
    without_item,
    without_operand,
    without_raise,
)
from tests.guards.guard import Guarded

_STATES = "tests/unit/notifications/test_client_state.py"
_REFUSED = f"{_STATES}::test_any_other_client_state_is_refused"
_OTHER_FORM = f"{_STATES}::test_client_state_of_another_form_is_refused_despite_a_valid_mac"
_TOKENS = "tests/unit/notifications/test_validation_tokens.py"
_BAD = f"{_TOKENS}::test_a_bad_token_is_refused"
_BOUNDS = f"{_TOKENS}::test_a_token_is_good_within_five_minutes_of_its_times_and_not_beyond"
_MOMENT = f"{_TOKENS}::test_only_the_moment_of_receipt_counts_and_never_the_wall_clock"
_KEYS = "tests/integration/identity/test_signing_keys.py"

_state = Guarded(area="client state", module="shared/notifications/client_state.py")
_token = Guarded(area="validation token", module="shared/notifications/validation_tokens.py")
_key = Guarded(area="signing key", module="shared/identity/signing_keys.py")

_CLIENT_STATES = (
    _state(
        "the tenant is served",
        "authenticate",
        without_raise("InvalidClientState", "tenant_id"),
        f"{_STATES}::test_the_client_state_of_a_tenant_that_is_not_served_is_refused",
    ),
    _state(
        "a client state is needed", "authenticate", without_raise("InvalidClientState", "MAX_CLIENT_STATE"), _REFUSED
    ),
    _state("length", "authenticate", without_operand("MAX_CLIENT_STATE"), _OTHER_FORM),
    _state("alphabet", "authenticate", without_operand("isascii"), _REFUSED),
    _state("version", "authenticate", rewrite("_1.startswith(f'v1.{_2}.')", "f'.{_2}.' in _1"), _OTHER_FORM),
    _state("each key by its own id", "authenticate", rewrite("f'v1.{_}.'", "'v1.'"), _OTHER_FORM),
    _state("MAC", "authenticate", condition("compare_digest", becomes=True), _REFUSED),
    _state("MAC in full", "authenticate", rewrite("_.compare_digest(_1, _2)", "_1.startswith(_2)"), _REFUSED),
    _state("refused without a matching key", "authenticate", without_raise("InvalidClientState", nth=2), _REFUSED),
    _state("the MAC covers the tenant", "_client_state_mac", rewrite("f'{_1}.{_}'", "_1"), _REFUSED),
)

_VALIDATION_TOKENS = (
    _token("length", "_key_id", without_operand("_MAX_TOKEN"), _BAD),
    _token("alphabet", "_key_id", without_operand("isascii"), _BAD),
    _token("header", "_key_id", without_except("PyJWTError"), _BAD),
    _token(
        "a key id is needed",
        "_key_id",
        without_raise("InvalidValidationToken", "isinstance"),
        f"{_TOKENS}::test_a_token_that_names_no_key_asks_for_none",
    ),
    _token(
        "algorithm", "_claims", keyword_becomes("decode", "algorithms", "['RS256', 'RS384', 'RS512', 'PS256']"), _BAD
    ),
    _token("signature", "_claims", keyword_becomes("decode", "options", "_ | {'verify_signature': False}"), _BAD),
    _token("audience", "_claims", keyword_becomes("decode", "options", "_ | {'verify_aud': False}"), _BAD),
    _token("one audience only", "_claims", keyword_becomes("decode", "options", "_ | {'strict_aud': False}"), _BAD),
    # PyJWT insists on "aud" by itself, because an audience is asked for.
    *(_token(f"{claim} is required", "_claims", without_item(claim), _BAD) for claim in ("exp", "nbf", "iss", "tid")),
    *(
        _token(
            f"times are the caller's: {claim}",
            "_claims",
            keyword_becomes("decode", "options", f"_ | {{'verify_{claim}': True}}"),
            _MOMENT,
        )
        for claim in ("exp", "nbf", "iat")
    ),
    _token("signature, audience or claims", "_claims", without_except("PyJWTError"), _BAD),
    _token("tenant", "verify", without_raise("InvalidValidationToken", "tenant_ids"), _BAD),
    _token("times are whole numbers", "verify", without_raise("InvalidValidationToken", "int"), _BAD),
    _token("caller and issuer are checked", "verify", without_call("_check_caller"), _BAD),
    _token("issuer", "_check_caller", condition("iss", becomes=True, nth=1), _BAD),
    _token("caller", "_check_caller", without_raise("InvalidValidationToken", nth=1), _BAD),
    _token("version 1's caller", "_check_caller", rewrite("_.get('appid')", "CHANGE_TRACKING_APP_ID"), _BAD),
    _token("version 2's caller", "_check_caller", rewrite("_1.get('azp')", "_1.get('azp') or _1.get('appid')"), _BAD),
    _token(
        "the signing key's own issuer",
        "_check_signing_issuer",
        without_raise("InvalidValidationToken"),
        f"{_TOKENS}::test_a_key_published_for_one_tenant_signs_for_no_other",
    ),
    _token(
        "times of each POST",
        "ValidationTokens.verify_all",
        without_call("_check_times"),
        f"{_TOKENS}::test_a_token_verified_before_is_judged_by_the_moment_of_each_post",
    ),
    _token("not before", "_check_times", rewrite("_ <= _1 < _2", "_1 < _2"), _BOUNDS),
    _token("expires", "_check_times", rewrite("_1 <= _2 < _", "_1 <= _2"), _BOUNDS),
    _token("expired or not yet valid", "_check_times", without_raise("InvalidValidationToken"), _BAD),
    _token(
        "every token is verified",
        "ValidationTokens.verify_all",
        rewrite("[self._verify(_1, _2) for _1 in _3]", "[self._verify(_1, _2) for _1 in _3[:1]]"),
        f"{_TOKENS}::test_one_bad_token_among_good_ones_makes_all_suspicious",
    ),
    _token(
        "memory is bounded",
        "ValidationTokens._verify",
        without_if("_MAX_CACHED"),
        f"{_TOKENS}::test_memory_for_verified_tokens_is_bounded",
    ),
)

_SIGNING_KEYS = (
    _key(
        "a pause after an unknown one",
        "SigningKeys._get_refreshed",
        without_raise("Unavailable"),
        f"{_KEYS}::test_forged_key_ids_cause_one_call_to_entra_a_minute",
    ),
    _key(
        "an unknown one is remembered",
        "SigningKeys._get_refreshed",
        rewrite("self._last_miss = _", "pass"),
        f"{_KEYS}::test_simultaneous_forged_key_ids_cause_one_call_to_entra",
    ),
    _key(
        "an unknown one is suspect",
        "SigningKeys._get_refreshed",
        without_raise("InvalidValidationToken"),
        f"{_KEYS}::test_forged_key_ids_cause_one_call_to_entra_a_minute",
    ),
    _key(
        "out of reach is not unpublished",
        "SigningKeys._refresh",
        without_raise("Unavailable"),
        f"{_KEYS}::test_outage_is_unavailable_by_the_deadline_and_not_cached",
    ),
    _key(
        "an outage empties nothing",
        "parse_jwks",
        without_raise("PyJWKSetError"),
        f"{_KEYS}::test_response_that_is_no_key_set_does_not_replace_known_keys",
    ),
)

GUARDS = (*_CLIENT_STATES, *_VALIDATION_TOKENS, *_SIGNING_KEYS)
