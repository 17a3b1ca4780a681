"""``make schemas``: writes ``teams_events/schemas`` and ``teams_events/events.d.ts``.

The schema of ``subscriptions.json`` stands beside the others, and is edited by hand.
"""

from pathlib import Path

from teams_events.generate.schemas import schemas, text
from teams_events.generate.typescript import declarations

PACKAGE = Path(__file__).parents[1]

if __name__ == "__main__":
    for name, schema in schemas().items():
        (PACKAGE / "schemas" / name).write_text(text(schema), encoding="utf-8")
    (PACKAGE / "events.d.ts").write_text(declarations(schemas()), encoding="utf-8")
