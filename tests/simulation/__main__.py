"""The simulation at the command line; it exits with status 1 if there are violations."""

import argparse
import logging
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from sandbox.azurite import Azurite
from tests.model.search import search, search_audits
from tests.sandbox.background import Background
from tests.simulation.report import Report
from tests.simulation.scenario import Scenario
from tests.simulation.simulation import deployment_for, simulate


def main() -> int:
    """Simulate what the arguments ask for, print the figures, and return the exit status."""
    # What is made to fail is logged as errors, thousands of them.
    logging.disable()
    scenario, histories, plots = _asked()
    report = _simulated(scenario)
    console = Console()
    console.print(report.table())
    for violation in report.violations:
        console.print(f"[red]{violation}", highlight=False)
    stories = [story for story in search(histories, seed=scenario.seed) if story]
    console.print(f"{histories} random histories: {len(stories)} searches found one that breaks a law of delivery")
    of_audits = [story for story in search_audits(plots, seed=scenario.seed) if story]
    console.print(f"{plots} random days with an audit: {len(of_audits)} searches found one that breaks a law of it")
    for story in (*stories, *of_audits):
        console.print(story, markup=False, highlight=False)
    return 1 if report.violations or stories or of_audits else 0


def _asked() -> tuple[Scenario, int, int]:
    """Return the scenario, and how many random histories and days with an audit to play after it."""
    usual = Scenario()
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--days", type=float, default=usual.span / timedelta(days=1))
    parser.add_argument("--every", type=float, default=usual.every / timedelta(minutes=1), help="minutes between runs")
    parser.add_argument("--subscriptions", type=int, default=usual.subscriptions)
    parser.add_argument("--tenants", type=int, default=usual.tenants)
    parser.add_argument("--faults", type=float, default=usual.faults, help="the share of calls that meet one")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--histories", type=int, default=10_000, help="random histories for the laws of delivery")
    parser.add_argument("--audits", type=int, default=1_000, help="random days for the laws of the audit")
    asked = parser.parse_args()
    scenario = Scenario(
        span=timedelta(days=asked.days),
        every=timedelta(minutes=asked.every),
        subscriptions=asked.subscriptions,
        tenants=asked.tenants,
        faults=asked.faults,
        seed=asked.seed,
    )
    return scenario, asked.histories, asked.audits


def _simulated(scenario: Scenario) -> Report:
    azurite, background = Azurite(), Background()
    background.run(azurite.start())
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            deployment_for(scenario, Path(folder), azurite) as deployment,
        ):
            return simulate(deployment, scenario)
    finally:
        background.run(azurite.stop())
        background.close()


if __name__ == "__main__":
    sys.exit(main())
