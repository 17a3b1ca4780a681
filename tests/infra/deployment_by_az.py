"""An environment of azd whose hooks run the real az, and a cloud on loopback that it is signed in to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.hooks.postprovision import postprovision
from infra.hooks.preprovision import preprovision
from infra.hooks.tools import Refused, Tools, azure_cli
from sandbox.arm.cloud import DEPLOYER, SITE, TENANT, AzureCloud
from tests.infra.azd import FROM_AZD, FROM_THE_TEMPLATE
from tests.infra.azure_values import ROLES
from tests.infra.fake_azure import BrokenOff, id_of
from tests.infra.real_az import program
from tests.sandbox.background import Background


@dataclass(slots=True, kw_only=True)
class Deployment:
    """An environment of azd; ``breaks_off``: each run ends with its first command that changed something."""

    cloud: AzureCloud
    environ: dict[str, str] = field(default_factory=lambda: dict(FROM_AZD))
    said: list[str] = field(default_factory=list)
    kept: int = 0
    waited: timedelta = timedelta()
    commands: list[tuple[str, ...]] = field(default_factory=list)
    breaks_off: bool = False
    refused: dict[tuple[str, ...], Refused] = field(default_factory=dict)

    def tools(self) -> Tools:
        return Tools(az=self.az, keep=self.keep, environ=self.environ, say=self.said.append, wait=self.wait)

    def az(self, *arguments: str) -> Any:
        self.commands.append(arguments)
        before = len(self.cloud.writes())
        # The hooks ask for half an hour whether a role works; az need not say each time that it does not.
        if (refused := self.refused.get(arguments)) is not None:
            raise refused
        try:
            answer = azure_cli(*arguments)
        except Refused as exc:
            self.refused[arguments] = exc
            raise
        if self.breaks_off and len(self.cloud.writes()) > before:
            raise BrokenOff
        return answer

    def keep(self, name: str, value: str) -> None:
        self.environ[name] = value
        self.kept += 1

    def wait(self, time: timedelta) -> None:
        self.waited += time

    def up(self) -> None:
        """Run the hooks around the template, as azd does."""
        preprovision(self.tools())
        self.cloud.provision()
        self.environ |= FROM_THE_TEMPLATE
        postprovision(self.tools())

    def again(self) -> "Deployment":
        """Return the same environment, later."""
        return Deployment(cloud=self.cloud, environ=self.environ)

    def state(self) -> Any:
        """Return what exists, without what is another each time."""
        apps = {each["appId"]: each for each in self.cloud.directory.apps.values()}
        ids = {each["id"]: each["appId"] for each in self.cloud.directory.principals.values()}
        names = {each["appId"]: each["displayName"] for each in apps.values()}
        return {
            "apps": sorted((each["displayName"], str(each["requiredResourceAccess"])) for each in apps.values()),
            "trusted": sorted(str({**c, "id": ""}) for each in apps.values() for c in each["credentials"].values()),
            "principals": sorted(names.get(each, each) for each in ids.values()),
            "granted": sorted((names.get(ids[each["principalId"]]), each["appRoleId"]) for each in self._granted()),
            "vault": [len(self.cloud.vault.versions(name)) for name in ("graph-notifications", "client-state-key")],
            "references": self.cloud.arm.sites[SITE].shown(),
            "environ": sorted(self.environ),
        }

    def _granted(self) -> list[dict[str, Any]]:
        return self.cloud.directory.assignments


@contextmanager
def az_signed_in(folder: Path) -> Iterator[tuple[AzureCloud, Background]]:
    """Yield a cloud, while az is on the PATH and signed in to it."""
    cloud, background = AzureCloud(folder / "tls", permissions={name: id_of(name) for name in ROLES}), Background()
    background.run(cloud.start())
    environment = cloud.environment(folder / "config")
    with pytest.MonkeyPatch.context() as patch, program(folder, environment) as path:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("PATH", f"{path}{os.pathsep}{os.environ['PATH']}")
        who = ("--username", DEPLOYER.client_id, "--password", str(DEPLOYER.secret), "--tenant", TENANT)
        azure_cli("login", "--service-principal", *who)
        yield cloud, background
    background.run(cloud.stop())
    background.close()
