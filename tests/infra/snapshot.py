"""What a deployment would make, from the committed snapshots of the template."""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.check import INFRA

FOLDER = INFRA / "snapshots"
NAMES = ("default", "full")
_STORAGE = "Microsoft.Storage/storageAccounts"
_IDENTITY = re.compile(r"userAssignedIdentities/(?:id-(alerts)-)?[\w-]+', '[\d-]+'\)\.principalId\]$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A role that the template gives: its id, to ``app``, ``alerts`` or ``deployer``, and the type of its scope."""

    role_id: str
    holder: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The resources, as ARM would be given them."""

    resources: tuple[Mapping[str, Any], ...]

    @classmethod
    def read(cls, name: str, folder: Path = FOLDER) -> "Snapshot":
        document = json.loads((folder / f"{name}.snapshot.json").read_text(encoding="utf-8"))
        return cls(resources=tuple(document["predictedResources"]))

    def of_type(self, kind: str) -> list[Mapping[str, Any]]:
        return [resource for resource in self.resources if resource["type"] == kind]

    def one(self, kind: str) -> Mapping[str, Any]:
        """Return the properties of the only resource of a type, or nothing."""
        found = self.of_type(kind)
        return found[0]["properties"] if len(found) == 1 else {}

    def children(self, kind: str) -> set[str]:
        """Return the last names of the resources of a type below the storage account."""
        return {resource["name"].rsplit("/", 1)[-1] for resource in self.of_type(f"{_STORAGE}/{kind}")}

    @property
    def settings(self) -> Mapping[str, str]:
        return self.one("Microsoft.Web/sites/config")

    @property
    def app(self) -> Mapping[str, Any]:
        return self.one("Microsoft.Web/sites")

    @property
    def assignments(self) -> list[Assignment]:
        return [_assignment(resource) for resource in self.of_type("Microsoft.Authorization/roleAssignments")]

    def without(self, index: int) -> "Snapshot":
        """Return the snapshot without one resource and what lies below it."""
        gone = self.resources[index]["id"]
        kept = (each for each in self.resources if each["id"] != gone and not each["id"].startswith(f"{gone}/"))
        return Snapshot(resources=tuple(kept))

    def with_name(self, index: int, name: str) -> "Snapshot":
        """Return the snapshot with another last part of the name of one resource."""
        resource = self.resources[index]
        renamed = {**resource, **{key: f"{resource[key].rpartition('/')[0]}/{name}" for key in ("id", "name")}}
        return Snapshot(resources=(*self.resources[:index], renamed, *self.resources[index + 1 :]))

    def without_setting(self, name: str) -> "Snapshot":
        return self._edited(lambda resource: resource.get("properties", {}).pop(name, None))

    def with_app(self, path: tuple[str, ...], value: Any) -> "Snapshot":
        """Return the snapshot with another value in the app's properties."""

        def edit(resource: dict[str, Any]) -> None:
            if resource["type"] == "Microsoft.Web/sites":
                node = resource["properties"]
                for key in path[:-1]:
                    node = node[key]
                node[path[-1]] = value

        return self._edited(edit)

    def _edited(self, edit: Any) -> "Snapshot":
        resources = deepcopy(self.resources)
        for resource in resources:
            edit(resource)
        return Snapshot(resources=resources)


def _assignment(resource: Mapping[str, Any]) -> Assignment:
    properties = resource["properties"]
    scope, _, _ = resource["id"].partition("/providers/Microsoft.Authorization/")
    kinds = scope.rpartition("/providers/")[2].split("/")
    identity = _IDENTITY.search(properties["principalId"])
    holder = identity[1] or "app" if identity else "deployer"
    return Assignment(
        role_id=properties["roleDefinitionId"].rsplit("/", 1)[-1],
        holder=holder,
        scope="/".join([kinds[0], *kinds[1::2]]),
    )


def leaves(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and value of each leaf of the app's properties that is no part of a list."""
    for key, each in value.items():
        if isinstance(each, Mapping):
            yield from (((key, *path), leaf) for path, leaf in leaves(each))
        else:
            yield (key,), each
