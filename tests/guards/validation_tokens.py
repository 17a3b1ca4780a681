"""The guards of validation tokens."""

from tests.guards.guard import Guard

_MODULE = "shared/notifications/validation_tokens.py"
_TESTS = "tests/unit/notifications/test_validation_tokens.py"
_BAD = f"{_TESTS}::test_a_bad_token_is_refused"
_ASKS_FOR_NO_KEY = f"{_TESTS}::test_a_token_that_names_no_key_asks_for_none"
_BOUNDS = f"{_TESTS}::test_a_token_is_good_within_five_minutes_of_its_times_and_not_beyond"
_MOMENT = f"{_TESTS}::test_only_the_moment_of_receipt_counts_and_never_the_wall_clock"
_KEYS = "tests/integration/identity/test_signing_keys.py"
_FORM_CHECK = """\
    if len(token) > _MAX_TOKEN or not token.isascii():
        raise InvalidValidationToken("not a validation token")
"""


def _guard(name: str, snippet: str, without: str, test: str = _BAD) -> Guard:
    return Guard(name=f"validation token: {name}", module=_MODULE, snippet=snippet, without=without, test=test)


def _claim(name: str) -> Guard:
    required = ["exp", "nbf", "iss", "tid"]
    left = [claim for claim in required if claim != name]
    return _guard(f"{name} is required", _list(required), _list(left))


def _list(names: list[str]) -> str:
    return '"require": [' + ", ".join(f'"{name}"' for name in names) + "]"


GUARDS = (
    _guard("length", _FORM_CHECK, _FORM_CHECK.replace("len(token) > _MAX_TOKEN or ", "")),
    _guard("alphabet", _FORM_CHECK, _FORM_CHECK.replace(" or not token.isascii()", "")),
    _guard(
        "header",
        """\
    except jwt.PyJWTError as exc:
        raise InvalidValidationToken("not a validation token") from exc
""",
        "    finally:\n        pass\n",
    ),
    _guard(
        "names a key",
        """\
    if not isinstance(key_id, str):
        raise InvalidValidationToken("the validation token does not name its signing key")
""",
        "    key_id = str(key_id)\n",
        _ASKS_FOR_NO_KEY,
    ),
    _guard("algorithm", 'algorithms=["RS256"]', 'algorithms=["RS256", "RS384", "RS512", "PS256"]'),
    _guard("signature", '"strict_aud": True,', '"strict_aud": True, "verify_signature": False,'),
    _guard("audience", '"strict_aud": True,', '"verify_aud": False,'),
    _guard("one audience only", '"strict_aud": True,', ""),
    # PyJWT insists on "aud" by itself, because an audience is asked for.
    *(_claim(name) for name in ("exp", "nbf", "iss", "tid")),
    _guard("times are the caller's: exp", '"verify_exp": False,', "", _MOMENT),
    _guard("times are the caller's: nbf", '"verify_nbf": False,', "", _MOMENT),
    _guard("times are the caller's: iat", '"verify_iat": False,', "", _MOMENT),
    _guard(
        "signature, audience or claims",
        """\
    except jwt.PyJWTError as exc:
        raise InvalidValidationToken("the validation token has a bad signature or audience, or lacks a claim") from exc
""",
        "    finally:\n        pass\n",
    ),
    _guard(
        "tenant",
        """\
    if tenant_id not in expected.tenant_ids:
        raise InvalidValidationToken("the validation token is for a tenant that is not in TENANT_IDS")
""",
        "",
    ),
    _guard(
        "times are whole numbers",
        """\
    if not all(type(time) is int for time in times):
        raise InvalidValidationToken("the validation token has a time that is not a whole number")
""",
        "",
    ),
    _guard("caller and issuer", "    _check_caller(claims, issuers, expected.caller_id)\n", ""),
    _guard(
        "issuer",
        """\
    else:
        raise InvalidValidationToken("the validation token's issuer is not that of its tenant in GRAPH_CLOUD")
""",
        '    else:\n        caller = claims.get("appid") or claims.get("azp")\n',
    ),
    _guard(
        "caller",
        """\
    if caller != caller_id:
        raise InvalidValidationToken("the validation token was not requested by Graph Change Tracking")
""",
        "",
    ),
    _guard(
        "version 1's caller",
        'caller = claims.get("appid")',
        "caller = caller_id",
    ),
    _guard(
        "version 2's caller",
        'caller = claims.get("azp")',
        'caller = claims.get("azp") or claims.get("appid")',
    ),
    _guard(
        "the signing key's own issuer",
        """\
    if key.issuer is not None and key.issuer.replace("{tenantid}", tenant_id) not in issuers:
        raise InvalidValidationToken("the validation token is signed with the key of another issuer")
""",
        "",
        f"{_TESTS}::test_a_key_published_for_one_tenant_signs_for_no_other",
    ),
    _guard(
        "times of each POST",
        "            _check_times(token, received_at)\n",
        "            pass\n",
        f"{_TESTS}::test_a_token_verified_before_is_judged_by_the_moment_of_each_post",
    ),
    _guard(
        "not before",
        "if not token.not_before - _SKEW_SECONDS <= moment < token.expires + _SKEW_SECONDS:",
        "if not moment < token.expires + _SKEW_SECONDS:",
        _BOUNDS,
    ),
    _guard(
        "expires",
        "if not token.not_before - _SKEW_SECONDS <= moment < token.expires + _SKEW_SECONDS:",
        "if not token.not_before - _SKEW_SECONDS <= moment:",
        _BOUNDS,
    ),
    _guard(
        "expired or not yet valid",
        """\
    if not token.not_before - _SKEW_SECONDS <= moment < token.expires + _SKEW_SECONDS:
        raise InvalidValidationToken("the validation token is expired or not yet valid")
""",
        "    del moment, token\n",
    ),
    _guard(
        "all of them",
        "verified = [self._verify(token, signing_key) for token in tokens]",
        "verified = [self._verify(token, signing_key) for token in tokens[:1]]",
        f"{_TESTS}::test_one_bad_token_among_good_ones_makes_all_suspicious",
    ),
    _guard(
        "memory is bounded",
        """\
            if len(self._cache) >= _MAX_CACHED:
                self._cache.clear()
""",
        "",
        f"{_TESTS}::test_memory_for_verified_tokens_is_bounded",
    ),
    Guard(
        name="signing key: a pause after a look in vain",
        module="shared/identity/signing_keys.py",
        snippet="_last_miss < _COOLDOWN_SECONDS:\n                raise Unavailable(",
        without="_last_miss < 0:\n                raise Unavailable(",
        test=f"{_KEYS}::test_made_up_key_ids_make_the_app_call_entra_once_a_minute",
    ),
    Guard(
        name="signing key: a look in vain is noted",
        module="shared/identity/signing_keys.py",
        snippet="                self._last_miss = self._monotonic()\n                raise InvalidValidationToken(",
        without="                raise InvalidValidationToken(",
        test=f"{_KEYS}::test_made_up_key_ids_at_once_make_the_app_call_entra_once",
    ),
    Guard(
        name="signing key: a rotation is taken up at once",
        module="shared/identity/signing_keys.py",
        snippet="self._monotonic() - self._last_miss < _COOLDOWN_SECONDS",
        without="self._age() < _COOLDOWN_SECONDS",
        test=f"{_KEYS}::test_a_rotated_key_is_found_at_once",
    ),
    Guard(
        name="signing key: out of reach is not unpublished",
        module="shared/identity/signing_keys.py",
        snippet="            if cached is None:\n                raise Unavailable(",
        without="            if False:\n                raise Unavailable(",
        test=f"{_KEYS}::test_no_answer_is_unavailable_and_not_remembered",
    ),
    Guard(
        name="signing key: an outage empties nothing",
        module="shared/identity/signing_keys.py",
        snippet='    if not usable:\n        raise jwt.PyJWKSetError("no RSA key in the set")\n',
        without="",
        test=f"{_KEYS}::test_an_answer_that_is_no_key_set_never_takes_the_place_of_known_keys",
    ),
)
