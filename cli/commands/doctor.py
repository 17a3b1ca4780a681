"""``python -m cli doctor``: what is wrong, and what to do."""

import os
from typing import Annotated

import typer

from cli.doctor.canary import Canary
from cli.doctor.case import Case
from cli.doctor.checks import CHECKS, selected
from cli.doctor.report import document, exit_status, print_result, print_sum
from cli.doctor.visit import Result, visit
from cli.options import AsJson, Tenant, selected_tenant_ids
from cli.output import console, print_json

_GROUPS = ", ".join(dict.fromkeys(check.group for check in CHECKS))


def doctor(
    *,
    tenant: Tenant = "",
    only: Annotated[list[str] | None, typer.Option(help=f"A check, or a group: {_GROUPS}. Repeatable.")] = None,
    canary: Annotated[str, typer.Option(metavar="CHAT", help="Write in this chat as the signed-in user.")] = "",
    as_json: AsJson = False,
) -> None:
    """Look at the whole deployment in order of dependence, and say what is wrong and what to do. Changes nothing.

    What the app itself is refused is read from the row of its last run; all else is asked with your own login.
    With --canary, the user who signed in with `login` writes in a chat that is watched, and it is shown how long the
    event takes to the queue.
    Exit status 0 if all is well, 1 if something is to be watched, 3 to be mended, 4 if a service is down.
    """
    try:
        checks = selected(only or ())
    except KeyError as exc:
        raise typer.BadParameter(f"there is no check or group {exc.args[0]}", param_hint="--only") from exc
    if canary:
        checks = [*checks, Canary(chat_id=canary).check()]
    case = Case(environ=os.environ, requested_tenant=tenant.lower())
    if tenant:
        selected_tenant_ids(tenant, case.settings)
    out, results = console(), list[Result]()
    for result in visit(checks, case):
        results.append(result)
        if not as_json:
            print_result(out, result)
    if as_json:
        print_json(document(results))
    else:
        print_sum(out, results)
    raise typer.Exit(exit_status(results))
