"""The guards of what proves that a POST is genuine: client states, validation tokens, and the keys that sign them."""

from tests.guards.edits import (
    condition,
    keyword_becomes,
    rewrite,
    without_call,
    without_except,
    without_if,
    without_item,
    without_keyword,
    without_operand,
    without_raise,
)
from tests.guards.guard import Guarded

_STATES = "tests/unit/notifications/test_client_state.py"
_REFUSED = f"{_STATES}::test_any_other_client_state_is_refused"
_NO_TENANT = f"{_STATES}::test_item_without_a_tenant_is_refused_despite_a_valid_mac"
_ORGANIZATION = f"{_STATES}::test_organization_id_stands_in_for_a_missing_tenant_id"
_OTHER_FORM = f"{_STATES}::test_client_state_of_another_form_is_refused_despite_a_valid_mac"
_TOKENS = "tests/unit/notifications/test_validation_tokens.py"
_BAD = f"{_TOKENS}::test_bad_token_vouches_for_nothing"
_BOUNDS = f"{_TOKENS}::test_token_counts_two_hours_early_and_five_minutes_late"
_MOMENT = f"{_TOKENS}::test_only_the_moment_of_receipt_counts_and_never_the_wall_clock"
_NO_KEY = f"{_TOKENS}::test_token_that_names_no_key_asks_for_none"
_ANOTHER_APP = f"{_TOKENS}::test_token_for_another_app_asks_for_no_key"
_ONE_TENANT = f"{_TOKENS}::test_key_published_for_one_tenant_signs_for_no_other"
_EACH_POST = f"{_TOKENS}::test_verified_token_is_judged_by_the_receipt_of_each_post"
_AHEAD = f"{_TOKENS}::test_token_issued_more_than_two_hours_ahead_does_not_count"
_BESIDE = f"{_TOKENS}::test_bad_token_beside_good_ones_harms_none_of_them"
_FAILURE = f"{_TOKENS}::test_failure_is_not_remembered"
_MEMORY = f"{_TOKENS}::test_memory_for_verified_tokens_is_bounded"
_KEYS = "tests/integration/identity/test_signing_keys.py"
_FORGED = f"{_KEYS}::test_forged_key_ids_cause_one_call_to_entra_a_minute"
_SIMULTANEOUS = f"{_KEYS}::test_simultaneous_forged_key_ids_cause_one_call_to_entra"
_OUTAGE = f"{_KEYS}::test_outage_is_unavailable_by_the_deadline_and_not_cached"
_NO_KEY_SET = f"{_KEYS}::test_response_that_is_no_key_set_does_not_replace_known_keys"
_OWN_KEYS = "tests/integration/identity/test_signing_keys_of_app.py"
_OWN_SET = f"{_OWN_KEYS}::test_key_of_the_apps_own_set_is_found"
_OUT_OF_REACH = f"{_OWN_KEYS}::test_unknown_key_is_unavailable_while_one_set_is_out_of_reach"

_state = Guarded(area="client state", module="shared/notifications/client_state.py")
_token = Guarded(area="validation token", module="shared/notifications/validation_tokens.py")
_key = Guarded(area="signing key", module="shared/identity/signing_keys.py")

_CLIENT_STATES = (
    _state("a client state is needed", "authenticate", without_if("MAX_CLIENT_STATE"), _REFUSED),
    _state("length", "authenticate", without_operand("MAX_CLIENT_STATE"), _OTHER_FORM),
    _state("version", "authenticate", rewrite("_1.startswith(f'v1.{_2}.')", "f'.{_2}.' in _1"), _OTHER_FORM),
    _state("each key by its own id", "authenticate", rewrite("f'v1.{_}.'", "'v1.'"), _OTHER_FORM),
    _state("MAC", "authenticate", without_operand("compare_digest"), _REFUSED),
    _state("MAC in full", "authenticate", rewrite("_.compare_digest(_1, _2)", "_1.startswith(_2)"), _REFUSED),
    _state("a tenant that can be logged", "_tenant_id", without_operand("is_loggable"), _NO_TENANT),
    _state("tenants in lower case", "_tenant_id", rewrite("_1.lower()", "_1"), _ORGANIZATION),
    _state("the MAC covers the tenant", "_client_state_mac", rewrite("f'{_1}.{_}'", "_1"), _REFUSED),
)

_VALIDATION_TOKENS = (
    _token("length", "_key_id", without_operand("_MAX_TOKEN"), _BAD),
    _token("alphabet", "_key_id", without_operand("isascii"), _BAD),
    _token("header", "_key_id", without_except("PyJWTError"), _BAD),
    _token("a key id is needed", "_key_id", without_raise("InvalidValidationToken", "isinstance"), _NO_KEY),
    _token("no key before the audience", "_key_id", without_raise("InvalidValidationToken", "aud"), _ANOTHER_APP),
    _token(
        "algorithm", "_claims", keyword_becomes("decode", "algorithms", "['RS256', 'RS384', 'RS512', 'PS256']"), _BAD
    ),
    _token("signature", "_claims", keyword_becomes("decode", "options", "_ | {'verify_signature': False}"), _BAD),
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
    _token("tenant", "verify", without_raise("InvalidValidationToken", "isinstance"), _BAD),
    _token("times are whole numbers", "verify", without_raise("InvalidValidationToken", "int"), _BAD),
    _token("caller and issuer are checked", "verify", without_call("_check_caller"), _BAD),
    _token("issuer", "_check_caller", condition("iss", becomes=True, nth=1), _BAD),
    _token("caller", "_check_caller", without_raise("InvalidValidationToken", nth=1), _BAD),
    _token("version 1's caller", "_check_caller", rewrite("_.get('appid')", "CHANGE_TRACKING_APP_ID"), _BAD),
    _token("version 2's caller", "_check_caller", rewrite("_1.get('azp')", "_1.get('azp') or _1.get('appid')"), _BAD),
    _token(
        "the signing key's own issuer", "_check_signing_issuer", without_raise("InvalidValidationToken"), _ONE_TENANT
    ),
    _token("times of each POST", "ValidationTokens.judge", without_call("_check_times"), _EACH_POST),
    _token("a slow clock", "_check_times", rewrite("_1 - _MAY_BEGIN_AHEAD", "_1"), _BOUNDS),
    _token("a fast clock", "_check_times", rewrite("_1 + _SKEW_SECONDS", "_1"), _BOUNDS),
    _token("issued ahead", "verify", rewrite("max(_1, _)", "_1"), _AHEAD),
    _token("not before", "_check_times", rewrite("_ <= _1 < _2", "_1 < _2"), _BOUNDS),
    _token("expires", "_check_times", rewrite("_1 <= _2 < _", "_1 <= _2"), _BOUNDS),
    _token("expired or not yet valid", "_check_times", without_raise("InvalidValidationToken"), _BAD),
    _token("a bad one harms no good one", "ValidationTokens.judge", without_except("InvalidValidationToken"), _BESIDE),
    _token("out of reach is not bad", "ValidationTokens.judge", without_keyword("Vouchers", "problem"), _FAILURE),
    _token("memory is bounded", "ValidationTokens._verify", without_if("_MAX_CACHED"), _MEMORY),
)

_SIGNING_KEYS = (
    _key("a pause after an unknown one", "_KeySet.get", without_raise("Unavailable"), _FORGED),
    _key("an unknown one is remembered", "_KeySet.get", rewrite("self._last_miss = _", "pass"), _SIMULTANEOUS),
    _key("an unknown one is suspect", "_KeySet.get", without_raise("InvalidValidationToken"), _FORGED),
    _key("out of reach is not unpublished", "_KeySet._refresh", without_raise("Unavailable"), _OUTAGE),
    _key("no key is no answer", "SigningKeys._fetch", without_raise("next"), _FORGED),
    _key("the app's own set is asked too", "SigningKeys._fetch", without_item("InvalidValidationToken"), _OWN_SET),
    _key("a set out of reach may have it", "SigningKeys._fetch", rewrite("next(_, _1)", "_1"), _OUT_OF_REACH),
    _key("an outage empties nothing", "parse_jwks", without_raise("PyJWKSetError"), _NO_KEY_SET),
)

GUARDS = (*_CLIENT_STATES, *_VALIDATION_TOKENS, *_SIGNING_KEYS)
