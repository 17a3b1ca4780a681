"""The guards of client states."""

from tests.guards.guard import Guard

_MODULE = "shared/notifications/client_state.py"
_REFUSED = "tests/unit/notifications/test_client_state.py::test_any_other_client_state_is_refused"
_OTHER_FORM = (
    "tests/unit/notifications/test_client_state.py"
    "::test_a_client_state_of_another_form_is_refused_although_its_mac_is_right"
)
_STATE_CHECK = "if state is None or len(state) > MAX_CLIENT_STATE or not state.isascii():"

GUARDS = (
    Guard(
        name="client state: the tenant is served",
        module=_MODULE,
        snippet="""\
    if notification.tenant_id not in tenant_ids:
        raise InvalidClientState("the tenant is not in TENANT_IDS")
""",
        without="",
        test=(
            "tests/unit/notifications/test_client_state.py"
            "::test_the_client_state_of_a_tenant_that_is_not_served_is_refused"
        ),
    ),
    Guard(
        name="client state: missing",
        module=_MODULE,
        snippet=f"""\
    {_STATE_CHECK}
        raise InvalidClientState("the client state is missing or not signed by this app")
""",
        without="    state = state or '....'\n    state.encode('ascii', 'surrogateescape')\n",
        test=_REFUSED,
    ),
    Guard(
        name="client state: length",
        module=_MODULE,
        snippet=_STATE_CHECK,
        without="if state is None or not state.isascii():",
        test=_OTHER_FORM,
    ),
    Guard(
        name="client state: alphabet",
        module=_MODULE,
        snippet=_STATE_CHECK,
        without="if state is None or len(state) > MAX_CLIENT_STATE:",
        test=_REFUSED,
    ),
    Guard(
        name="client state: version",
        module=_MODULE,
        snippet='if prefix.startswith(f"v1.{key.key_id}."):',
        without='if f".{key.key_id}." in prefix:',
        test=_OTHER_FORM,
    ),
    Guard(
        name="client state: each key by its own id",
        module=_MODULE,
        snippet='if prefix.startswith(f"v1.{key.key_id}."):',
        without='if prefix.startswith("v1."):',
        test=_OTHER_FORM,
    ),
    Guard(
        name="client state: MAC",
        module=_MODULE,
        snippet="if hmac.compare_digest(expected.encode(), mac.encode()):",
        without="if expected:",
        test=_REFUSED,
    ),
    Guard(
        name="client state: MAC in full",
        module=_MODULE,
        snippet="if hmac.compare_digest(expected.encode(), mac.encode()):",
        without="if hmac.compare_digest(expected.encode()[: len(mac)], mac.encode()):",
        test=_REFUSED,
    ),
    Guard(
        name="client state: refused when no key fits",
        module=_MODULE,
        snippet="""\
                return AuthenticNotification(notification)
    raise InvalidClientState("the client state is missing or not signed by this app")
""",
        without=(
            "                return AuthenticNotification(notification)\n "
            "   return AuthenticNotification(notification)\n"
        ),
        test=_REFUSED,
    ),
    Guard(
        name="client state: the tenant inside the MAC",
        module=_MODULE,
        snippet='f"{prefix}.{tenant_id}".encode()',
        without="prefix.encode()",
        test=_REFUSED,
    ),
)
