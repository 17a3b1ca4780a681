"""Checks of the app's public URL, called as Graph calls it, but from this machine.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
"""

import html
import json
import re
from datetime import timedelta

from cli.doctor.case import Case
from cli.doctor.finding import Finding, down, mend, ok, watch
from cli.doctor.network import Answer, UnreachableError, call, refusal
from shared.receiving.post_store import QUARANTINE

_NAME = "NOTIFICATION_URL"
# A blank, a plus and a colon: what proxies and frameworks mangle.
_QUERY, _TOKEN = "validationToken=a%20b%2Bc%3A", "a b+c:"
_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
# Graph waits ten seconds for a handshake, and three for a POST.
_SLOW, _TOO_SLOW = timedelta(seconds=1), timedelta(seconds=3)
_REDIRECTS = range(300, 400)
_OK, _ACCEPTED, _BAD_REQUEST, _NOT_FOUND = 200, 202, 400, 404
_WARM = "az functionapp scale config always-ready set --name NAME --resource-group GROUP --settings http=1"


def handshake(case: Case) -> Finding:
    """Shake hands twice: the first may find the app cold."""
    url = f"{case.settings.notification_url}{'&' if '?' in case.settings.notification_url else '?'}{_QUERY}"
    try:
        cold, warm = (call("POST", url, _NAME, content_type="text/plain; charset=utf-8") for _ in range(2))
    except UnreachableError as exc:
        return exc.finding
    return _wrong(case, cold) or _wrong(case, warm) or _time(cold, warm)


def _wrong(case: Case, answer: Answer) -> Finding | None:
    url, kind = case.settings.notification_url, answer.headers.get("Content-Type", "")
    if answer.status in _REDIRECTS:
        to = answer.headers.get("Location", "").partition("?")[0]
        return mend(f"it redirects ({answer.status}) to {to}: Graph follows nothing")
    if found := refusal(answer.status, url, _NAME):
        return found
    text = answer.body.decode(errors="replace")
    faults = {
        f"answered {answer.status}, not 200: is another app at this address?": answer.status != _OK,
        f"answered {text[:40]!r}, not {_TOKEN!r}: something changes the text on its way": text != _TOKEN,
        f"answered as {kind}, not text/plain": not kind.startswith("text/plain"),
    }
    if title := _TITLE.search(text):
        return mend(f"a page answers, not the app: {html.unescape(title[1]).strip()[:80]!r}: let Graph's POSTs pass it")
    return next((mend(f"the handshake was {fault}") for fault, is_so in faults.items() if is_so), None)


def _time(cold: Answer, warm: Answer) -> Finding:
    text = f"200 text/plain in {warm.seconds:.2f} s (first {cold.seconds:.2f} s), seen from this machine"
    if timedelta(seconds=warm.seconds) > _TOO_SLOW:
        return down(f"{text}: Graph waits three seconds for an answer, and then drops what comes", _WARM)
    if timedelta(seconds=max(cold.seconds, warm.seconds)) > _SLOW:
        return watch(f"{text}: an instance that is always ready answers at once", _WARM)
    return ok(text)


def posts(case: Case) -> Finding:
    """Look at what else the URL answers: nothing to a GET, and 400 to what is no collection."""
    url = case.settings.notification_url
    try:
        got = call("GET", url, _NAME).status
        posted = call("POST", url, _NAME, body=b"{}", content_type="application/json").status
    except UnreachableError as exc:
        return exc.finding
    if got != _NOT_FOUND:
        return watch(f"a GET was answered {got}, not 404: something else than the app answers it")
    if posted != _BAD_REQUEST:
        return mend(f"a POST of {{}} was answered {posted}, not 400: it does not get to the app as it was sent")
    return ok("404 to a GET, 400 to what is no collection")


def forged(case: Case) -> Finding:
    """Post what the app has not signed: it takes it, and keeps nothing of it."""
    before = _in_quarantine(case)
    item = {"subscriptionId": "forged", "tenantId": case.settings.tenant_ids[0], "clientState": "forged"}
    body = json.dumps({"value": [item | {"changeType": "created", "resource": "teams('forged')"}]}).encode()
    try:
        answer = call("POST", case.settings.notification_url, _NAME, body=body, content_type="application/json")
    except UnreachableError as exc:
        return exc.finding
    if answer.status != _ACCEPTED:
        return mend(f"a notification was answered {answer.status}, not 202: a firewall may stop POSTs with a body")
    if _in_quarantine(case) > before:
        return mend("a forged notification got into quarantine: another version than this one answers")
    return ok("a forged notification is taken, and dropped")


def _in_quarantine(case: Case) -> int:
    return sum(1 for _ in case.clients.post_store(QUARANTINE).list())
