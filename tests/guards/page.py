"""The guards of the live page: who gets in, what the browser may do, and that nothing is changed."""

from tests.guards.edits import rewrite, without_call, without_keyword, without_raise
from tests.guards.guard import Guarded

_SERVER = "tests/dashboard/test_server.py::"
_READ_ONLY = "tests/cli/page/test_read_only.py::"
_ORIGIN = f"{_SERVER}test_page_of_another_origin_is_refused"
_STRANGER = f"{_SERVER}test_browser_without_a_cookie_gets_nothing"
_COOKIE = f"{_SERVER}test_token_is_exchanged_for_a_cookie_that_scripts_cannot_read"
_HEADERS = f"{_SERVER}test_every_answer_has_the_headers_that_shut_others_out"

_door = Guarded(area="live page", module="dashboard/door.py")
_server = Guarded(area="live page", module="dashboard/server.py")
_feed = Guarded(area="live page", module="dashboard/feed.py")
_storage = Guarded(area="live page", module="cli/page/read_only.py")
_source = Guarded(area="live page", module="cli/page/source.py")

GUARDS = (
    _door(
        "Host",
        "Door.check_address",
        rewrite("_1.headers.get('Host') != _2._host", "False"),
        f"{_SERVER}test_name_that_points_here_is_refused",
    ),
    _door(
        "Origin of an order",
        "Door.check_address",
        rewrite("_1 is None and _2", "False"),
        f"{_SERVER}test_order_without_an_origin_is_refused",
    ),
    _door("Origin", "Door.check_address", rewrite("_1 is not None and _2", "False"), _ORIGIN),
    _door("cookie", "Door.check_session", without_raise("HTTPUnauthorized"), _STRANGER),
    _door(
        "token",
        "Door.let_in",
        without_raise("HTTPUnauthorized"),
        f"{_SERVER}test_wrong_token_is_worth_no_cookie",
    ),
    _door("scripts cannot read the cookie", "Door.let_in", without_keyword("set_cookie", "httponly"), _COOKIE),
    _door("sites do not send the cookie", "Door.let_in", without_keyword("set_cookie", "samesite"), _COOKIE),
    _door("no frames", "_HEADERS", rewrite("'DENY'", "'SAMEORIGIN'"), _HEADERS),
    _door("policy", "headers", rewrite("{**_HEADERS, 'Content-Security-Policy': _1}", "dict(_HEADERS)"), _HEADERS),
    _server("address before all else", "Dashboard._guarded", without_call("check_address"), _ORIGIN),
    _server(
        "headers of a refusal",
        "Dashboard._guarded",
        rewrite("_1.headers.update(headers(_2))", "None", nth=0),
        _HEADERS,
    ),
    _server(
        "nonce used once",
        "Dashboard._guarded",
        rewrite("secrets.token_urlsafe(_)", "'n'"),
        f"{_SERVER}test_nonce_of_the_page_is_used_once_and_stands_at_script_and_style",
    ),
    _server("cookie for the stream", "Dashboard._events", without_call("check_session"), _STRANGER),
    _server("cookie for an order", "Dashboard._act", without_call("check_session"), _STRANGER),
    _server(
        "loopback",
        "Dashboard.start",
        rewrite("web.TCPSite(_1, '127.0.0.1', _2)", "web.TCPSite(_1, '0.0.0.0', _2)"),
        f"{_SERVER}test_server_listens_on_loopback_only_and_its_link_has_the_token",
    ),
    _server(
        "no order without an actor",
        "Dashboard.start",
        rewrite("_._actor is not None", "True"),
        f"{_SERVER}test_page_without_an_actor_takes_no_order",
    ),
    _feed(
        "nobody looks",
        "Feed._end_if_unseen",
        rewrite("_1._followers or _2", "True"),
        f"{_SERVER}test_source_is_left_alone_while_nobody_looks",
    ),
    _storage(
        "nothing but reading",
        "check_reads",
        rewrite("_ not in _READING", "False"),
        f"{_READ_ONLY}test_request_that_might_change_something_is_not_sent",
    ),
    _storage(
        "peek, not receive",
        "check_reads",
        rewrite("_1.endswith('/messages') and _2", "False"),
        f"{_READ_ONLY}test_request_that_might_change_something_is_not_sent",
    ),
    _storage(
        "every request is checked",
        "ReadOnlyTransport.send",
        without_call("check_reads"),
        f"{_READ_ONLY}test_real_clients_of_the_account_cannot_write",
    ),
    _source(
        "text of a stranger in the queue",
        "_row",
        rewrite("printable(_1)", "_1"),
        "tests/cli/page/test_source.py::test_odd_message_in_the_queue_breaks_nothing",
    ),
)
