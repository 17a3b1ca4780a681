"""A simulated Teams with three people in it, and what it reports."""

from typing import Any

from sandbox.clock import Clock
from sandbox.teams import Change, Path, Teams


class Scene:
    def __init__(self, seed: int = 1) -> None:
        self.clock = Clock()
        self.teams = Teams(self.clock, seed=seed)
        self.changes: list[Change] = []
        self.teams.listen(self.changes.append)
        self.tenant = self.teams.add_tenant()
        self.ann = self.teams.add_user(self.tenant, "Ann Ames")
        self.bob = self.teams.add_user(self.tenant, "Bob Burns")
        self.cem = self.teams.add_user(self.tenant, "Cem Cey")

    def recent(self) -> list[tuple[str, str]]:
        """Return what was reported since the last time: the change and the collection it happened in."""
        reported: list[tuple[str, str]] = [(change.change_type, change.path[-2]) for change in self.changes]
        self.changes.clear()
        return reported

    def get(self, path: Path) -> dict[str, Any]:
        entity = self.teams.get(path, tenant_id=self.tenant)
        assert entity is not None
        return entity
