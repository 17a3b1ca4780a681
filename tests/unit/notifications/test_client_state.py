"""Client states.

Guards, each with the test that fails without it (``python -m tests.guards`` removes them in turn):
the length and alphabet, the MAC in full, the tenant inside the MAC, every key tried by its id.
"""

import base64
import hmac
from collections.abc import Callable

import pytest

from shared.notifications.client_state import MAX_CLIENT_STATE, authenticate, sign_client_state
from shared.settings import ClientStateKey
from tests.sender import (
    FOREIGN_STATE_KEY,
    NONCE,
    NOT_SHORT_TEXT,
    OTHER_TENANT,
    PREVIOUS_STATE_KEY,
    STATE_KEY,
    STRANGER,
    TENANT,
    basic_item,
    client_state,
    pascal_case,
    raw,
)


def _is_ours(state: object, tenant_id: object = TENANT, **changes: object) -> bool:
    item = raw(basic_item(clientState=state, tenantId=tenant_id, **changes))
    return authenticate(item, keys=(STATE_KEY, PREVIOUS_STATE_KEY)) is not None


@pytest.mark.parametrize("key", [STATE_KEY, PREVIOUS_STATE_KEY])
@pytest.mark.parametrize("tenant_id", [TENANT, STRANGER])
def test_client_state_of_either_key_authenticates_in_any_tenant(key: ClientStateKey, tenant_id: str) -> None:
    """Whether a tenant is served is decided later: what is ours must not be lost by a typo in TENANT_IDS."""
    assert _is_ours(client_state(tenant_id, key), tenant_id)


def test_a_client_state_has_the_documented_form_and_fits_into_graphs_limit() -> None:
    version, key_id, nonce, mac = client_state().split(".")
    assert (version, key_id, len(nonce), len(mac)) == ("v1", STATE_KEY.key_id, 22, 43)
    assert len(client_state()) <= MAX_CLIENT_STATE


def test_each_tenant_gets_another_client_state() -> None:
    states = {sign_client_state(STATE_KEY, nonce=NONCE, tenant_id=tenant) for tenant in (TENANT, OTHER_TENANT)}
    assert len(states) == 2


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param(17, id="a number"),
        pytest.param({"v1": client_state()}, id="an object"),
        pytest.param("bobState", id="a constant of somebody else's"),
        pytest.param("...", id="only dots"),
        pytest.param(f"v1.{STATE_KEY.key_id}", id="cut after the key id"),
        pytest.param(client_state(OTHER_TENANT), id="of another tenant"),
        pytest.param(client_state(key=FOREIGN_STATE_KEY), id="of a foreign key"),
        pytest.param(client_state()[:-1], id="mac one character short"),
        pytest.param(client_state().rpartition(".")[0] + ".", id="no mac"),
        pytest.param(client_state()[:-1] + ("A" if client_state()[-1] != "A" else "B"), id="mac flipped at its end"),
        pytest.param(client_state().replace("v1.", "v2."), id="another version"),
        pytest.param(client_state() + "x" * 200, id="over 128 characters"),
        pytest.param(client_state()[:-1] + "é", id="not ASCII"),
        pytest.param("\ud800", id="a lone surrogate"),
        pytest.param(client_state()[:-1] + "\ud800", id="a lone surrogate in the mac"),
        pytest.param(client_state().replace(".AAEC", ".\ud800"), id="a lone surrogate in the nonce"),
        pytest.param("x" * 1_000_000, id="a megabyte"),
    ],
)
def test_any_other_client_state_is_refused(state: object) -> None:
    assert not _is_ours(state)


@pytest.mark.parametrize("item", [None, True, 0, "", [], 1.5, {}])
def test_what_is_no_item_is_refused(item: object) -> None:
    assert authenticate(raw(item), keys=(STATE_KEY,)) is None


@pytest.mark.parametrize("tenant_id", [None, "", *NOT_SHORT_TEXT])
def test_item_without_a_tenant_is_refused_despite_a_valid_mac(tenant_id: object) -> None:
    state = client_state(tenant_id) if isinstance(tenant_id, str) else client_state()
    assert not _is_ours(state, tenant_id)


def test_organization_id_stands_in_for_a_missing_tenant_id() -> None:
    assert _is_ours(client_state(), None, organizationId=TENANT.upper())
    assert _is_ours(client_state(), "", organizationId=TENANT)
    assert not _is_ours(client_state(), OTHER_TENANT, organizationId=TENANT)


@pytest.mark.parametrize("spell", [str.upper, str.lower, pascal_case])
def test_what_is_signed_may_be_in_pascal_upper_or_lower_case(spell: Callable[[str], str]) -> None:
    item = authenticate(raw({spell(name): value for name, value in basic_item().items()}), keys=(STATE_KEY,))
    assert item is not None
    assert item.tenant_id == TENANT


def _made_with_the_key(prefix: str) -> str:
    """Return a client state whose MAC is right, in a form that this app does not make."""
    mac = hmac.digest(STATE_KEY.secret, f"{prefix}.{TENANT}".encode(), "sha256")
    return f"{prefix}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "prefix",
    [
        pytest.param(f"v2.{STATE_KEY.key_id}.n", id="of another version"),
        pytest.param(f"v1.{PREVIOUS_STATE_KEY.key_id}.n", id="that names another key"),
        pytest.param(f"v1.{STATE_KEY.key_id}.{'n' * 80}", id="over 128 characters"),
        pytest.param(f"v1.{STATE_KEY.key_id}", id="without a nonce"),
    ],
)
def test_client_state_of_another_form_is_refused_despite_a_valid_mac(prefix: str) -> None:
    assert _is_ours(_made_with_the_key(f"v1.{STATE_KEY.key_id}.n"))
    assert not _is_ours(_made_with_the_key(prefix))


def test_a_client_state_says_nothing_in_a_log() -> None:
    item = authenticate(raw(basic_item()), keys=(STATE_KEY,))
    assert client_state() not in repr(item)
    assert "signs" not in repr(STATE_KEY)
