"""The guards of a running sandbox: who may tell it what to do, one at a time, on ports of its own."""

from tests.guards.edits import rewrite, without_if, without_raise
from tests.guards.guard import Guarded

_WAY_IN = "tests/sandbox/test_send_endpoint.py::test_message_reaches_the_sandbox_only_with_its_password"

_endpoint = Guarded(area="sandbox", module="sandbox/run/send_endpoint.py")
_lock = Guarded(area="sandbox", module="sandbox/run/only_one.py")
_user_host = Guarded(area="sandbox", module="sandbox/run/user_host.py")

GUARDS = (
    _endpoint("the password", "SendEndpoint._verb", without_if("compare_digest"), _WAY_IN),
    _endpoint("its file for this user only", "Address.write", rewrite("_.touch(mode=_)", "None"), _WAY_IN),
    _lock(
        "one in a clone",
        "only_one",
        rewrite("fcntl.flock(_1, _2)", "None"),
        "tests/sandbox/verbs/test_ending.py::test_lock_is_free_after_its_holder",
    ),
    _user_host(
        "another program's port",
        "UserHost._check_port",
        without_raise("PortInUse"),
        "tests/test_stumbles.py::test_port_of_another_program_is_named",
    ),
)
