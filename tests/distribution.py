"""How the tests are spread over processes: one by one, but for those that share what is slow to start, or take long."""

from xdist.scheduler import LoadScopeScheduling

_DEPLOYMENT = ("bad_input", "fetch", "once", "outages", "subscriptions")
_TOGETHER = {
    **{f"tests/end_to_end/test_{name}.py": "the deployment" for name in _DEPLOYMENT},
    **{
        f"tests/{name}.py": name
        for name in (
            "end_to_end/test_articles",
            "end_to_end/test_catalogue",
            "end_to_end/test_exposed",
            "end_to_end/test_handshake",
            "end_to_end/test_make_run",
            "end_to_end/test_schemas",
            "chaos/test_storage",
            "sandbox/test_host_http",
            "sandbox/test_host_timers",
            "simulation/test_simulation",
        )
    },
}


class Distribution(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """What stays together comes first, and single tests fill the processes up to the end."""

    def _split_scope(self, nodeid: str) -> str:
        return _TOGETHER.get(nodeid.partition("::")[0], nodeid)
