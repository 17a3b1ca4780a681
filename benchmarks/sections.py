"""The sections of a run, in order: each measures as its module does, and says what of it other pages need."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from benchmarks import catching_up, hostile, imports, planning, receiving, renewing
from benchmarks.apps import first_posts, memory, over_http, redriving, usage
from benchmarks.apps.storage_stub import StorageStub
from benchmarks.result import Plan, Result
from benchmarks.trees import EVENT_HUB, HERE, Tree
from sandbox.azurite import Azurite
from tests.hostile.costs import EXPENSIVE

type Section = Callable[[Plan], Result]

_QUICK_POSTS = 16


def _over_http(plan: Plan) -> Result:
    report = _report(plan, plan.trees, over_http.STUB_LEVELS, StorageStub)
    bars = {(level, tree): report.milliseconds(level, tree) for level in report.levels for tree in report.trees}
    costs = {
        f"{level.removesuffix(', 8 at once')}, {sink}": f"{bars[level, tree]:,.2f} ms"
        for level in report.levels
        for tree, sink in ((HERE, "queue"), (EVENT_HUB, "Event Hubs"))
        if tree in report.trees and level.endswith(", 8 at once")
    }
    return Result(tables=[over_http.table(report)], costs=costs, bars=bars)


def _azurite(plan: Plan) -> Result:
    trees = [tree for tree in plan.trees if not tree.uses_event_hub]
    levels = over_http.AZURITE_LEVELS[:1] if plan.is_quick else over_http.AZURITE_LEVELS
    report = _report(plan, trees, levels, Azurite)
    return Result(tables=[over_http.table(report)])


def _report(
    plan: Plan, trees: Sequence[Tree], levels: Sequence[over_http.Level], storage: type[Azurite]
) -> over_http.Report:
    quick = [replace(level, posts=_QUICK_POSTS) for level in levels]
    measured = over_http.measure(
        trees,
        plan.folder,
        levels=quick if plan.is_quick else levels,
        rounds=plan.count(plan.rounds if storage is StorageStub else 1, 1),
        storage=storage,
    )
    return asyncio.run(measured)


def _usage(plan: Plan) -> Result:
    used = asyncio.run(usage.measure(plan.trees[0], plan.folder, posts=plan.count(600, _QUICK_POSTS)))
    return Result(tables=[usage.table(used)], costs=usage.costs(used))


def _receiving(plan: Plan) -> Result:
    summaries = receiving.measure(rounds=plan.count(15, 2))
    own = {} if plan.is_quick else {f"receive() in {tree.name}": _own(tree, "receiving") for tree in plan.bases}
    return Result(tables=[receiving.table(summaries)], costs=receiving.costs(summaries), own=own)


def _own(tree: Tree, section: str) -> str:
    """Return what a tree's own benchmark prints: interfaces within it are others."""
    command = [sys.executable, "-m", "benchmarks", section]
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run(command, cwd=tree.source, env=environment, check=False, capture_output=True, text=True)  # noqa: S603  fixed words
    return done.stdout or done.stderr


def _hostile(plan: Plan) -> Result:
    return Result(tables=[hostile.table(hostile.measure(runs=plan.count(5, 1), bodies=plan.count(len(EXPENSIVE), 3)))])


def _imports(plan: Plan) -> Result:
    return Result(tables=[imports.table(imports.measure(processes=plan.count(7, 1)))])


def _first_posts(plan: Plan) -> Result:
    folder = plan.new_folder()
    return Result(tables=[first_posts.table(asyncio.run(first_posts.measure(folder, starts=plan.count(6, 1))))])


def _redriving(plan: Plan) -> Result:
    trees = plan.trees[:1] if plan.is_quick else plan.trees
    report = asyncio.run(redriving.measure(trees, plan.folder, posts=plan.count(500, _QUICK_POSTS)))
    return Result(tables=[redriving.table(report)], costs=redriving.costs(report))


def _catching_up(plan: Plan) -> Result:
    report = catching_up.measure(plan.new_folder(), messages=plan.count(1_000, _QUICK_POSTS))
    return Result(tables=[catching_up.table(report)])


def _planning(plan: Plan) -> Result:
    report = planning.measure(rounds=plan.count(5, 1), subscriptions=plan.count(planning.SUBSCRIPTIONS, 500))
    return Result(tables=[planning.table(report)], is_met=report.is_met)


def _renewing(plan: Plan) -> Result:
    report = renewing.measure(plan.new_folder(), subscriptions=plan.count(planning.SUBSCRIPTIONS, 20))
    return Result(tables=[renewing.table(report)], is_met=report.is_met)


def _memory(plan: Plan) -> Result:
    count = plan.count(memory.NOTIFICATIONS, 1_000)
    return Result(tables=[memory.table(asyncio.run(memory.measure(plan.trees[0], plan.folder, notifications=count)))])


SECTIONS: Mapping[str, Section] = {
    "over_http": _over_http,
    "azurite": _azurite,
    "usage": _usage,
    "receiving": _receiving,
    "hostile": _hostile,
    "imports": _imports,
    "first_posts": _first_posts,
    "redriving": _redriving,
    "catching_up": _catching_up,
    "planning": _planning,
    "renewing": _renewing,
    "memory": _memory,
}
