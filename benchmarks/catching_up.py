"""What it costs to recover a missed message: the real clients, the sandbox's Graph and clock, and a storage stub.

A gap is filled minutes after it has ended, by the app's clock; so this is not measured over HTTP.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.table import Table

from benchmarks.apps.storage_stub import StorageStub
from benchmarks.posts import PARAGRAPH, PARAGRAPHS
from benchmarks.tables import Figure, figures_table
from shared.app import renew_subscriptions
from tests.flows.catch_up_steps import all_of, lose_subscriptions, recreate_subscriptions, subscribe
from tests.flows.deployment import LoopbackDeployment, loopback_deployment
from tests.sandbox.background import Background

# By the sandbox's clock, which stands still while the app works.
_TIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How many of the missed messages were published, and the processor time of that, Graph's included."""

    missed: int
    published: int
    processor_time: timedelta

    @property
    def milliseconds(self) -> float:
        """Processor time of a message."""
        return self.processor_time / timedelta(milliseconds=1) / max(1, self.published)


def measure(folder: Path, *, messages: int) -> Report:
    """Return the figures of a chat in which ``messages`` were missed."""
    storage, background = StorageStub(), Background()
    background.run(storage.start())
    try:
        with loopback_deployment(folder, storage) as made:
            _miss(made, messages)
            return _recovered(made, messages)
    finally:
        background.run(storage.stop())
        background.close()


def table(report: Report) -> Table:
    """Return the figures."""
    figures = [
        Figure(name="published", value=f"{report.published:,} of {report.missed:,}"),
        Figure(name="processor time of each", value=f"{report.milliseconds:.2f} ms"),
    ]
    return figures_table("Catching up with a chat", figures, caption="With what the sandbox's Graph needs to answer.")


def _miss(made: LoopbackDeployment, messages: int) -> None:
    chat = made.new_chat()
    ann, _ = made.people[made.tenant_id]
    subscribe(made, all_of(f"/{'/'.join(chat)}/messages"))
    lose_subscriptions(made)
    made.later(minutes=10)
    made.do(lambda: [made.teams.messages.send(chat, ann, PARAGRAPH * PARAGRAPHS) for _ in range(messages)])
    recreate_subscriptions(made)


def _recovered(made: LoopbackDeployment, messages: int) -> Report:
    app = made.app
    catch_up, ends = renew_subscriptions.catch_up(app.clients), app.time.now() + _TIME
    began = time.process_time()
    done = catch_up.run(ends)
    spent = timedelta(seconds=time.process_time() - began)
    return Report(missed=messages, published=done["events"], processor_time=spent)
