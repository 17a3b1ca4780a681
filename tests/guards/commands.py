"""The guards of the operators' commands: what they print, and whose entries they change."""

from tests.guards.guard import Guard

_TERMINAL, _CHECKING, _CHANGING = "cli/terminal.py", "cli/checking.py", "cli/changing.py"


def _guard(name: str, module: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(name=f"commands: {name}", module=module, snippet=snippet, without=without, test=f"tests/cli/{test}")


GUARDS = (
    _guard(
        "no cell commands the terminal",
        _TERMINAL,
        "tuple(printable(cell) for cell in row)",
        "tuple(row)",
        "test_terminal.py::test_no_cell_commands_the_terminal",
    ),
    _guard(
        "no line commands the terminal",
        _TERMINAL,
        "out.print(Text(printable(text), style=style)",
        "out.print(Text(text, style=style)",
        "test_terminal.py::test_no_line_commands_the_terminal",
    ),
    _guard(
        "a stranger's URL may hold a key",
        _CHECKING,
        'return url.partition("?")[0]',
        "return url",
        "test_checking.py::test_a_strangers_url_is_told_without_its_query",
    ),
    _guard(
        "a key that may be in use stays",
        _CHECKING,
        "if len(keys) > 1 and counts and counts.keys() <= {keys[0].key_id}:",
        "if len(keys) > 1:",
        "test_checking.py::test_the_previous_key_can_go_when_nobody_uses_it",
    ),
    _guard(
        "subscriptions.json is not overruled",
        _CHANGING,
        'return row is not None and row.is_wanted and row.added_by == "file"',
        "return False",
        "test_changing.py::test_what_subscriptions_json_asks_for_is_its_own_to_change",
    ),
    _guard(
        "a lost race is no wrong setting",
        "cli/statuses.py",
        "isinstance(problem, Unavailable | Conflict)",
        "isinstance(problem, Unavailable)",
        "test_statuses.py::test_problem_ends_a_command_with_its_status",
    ),
    _guard(
        "without a token nothing is claimed",
        "cli/granting.py",
        "if self.problem is not None:\n            return GrantState.UNKNOWN",
        "if False:\n            return GrantState.UNKNOWN",
        "test_granting.py::test_without_a_token_nothing_is_claimed",
    ),
)
