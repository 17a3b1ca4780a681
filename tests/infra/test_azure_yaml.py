"""``azure.yaml`` against the rules of azd's schema, and against what it names.

Source: https://github.com/Azure/azure-dev/blob/main/schemas/v1.0/azure.yaml.json; it refers to others by
URL, so its rules for functions and hooks are repeated here.
"""

import importlib.util
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from infra.hooks.__main__ import HOOKS
from infra.package import build

REPOSITORY = Path(__file__).parents[2]
_SCRIPT = {
    "type": "object",
    "required": ["run"],
    "properties": {
        "run": {"type": "string"},
        "shell": {"enum": ["sh", "pwsh"]},
        "dir": {"type": "string"},
        "interactive": {"type": "boolean"},
        "continueOnError": {"type": "boolean"},
        "secrets": {"type": "object"},
    },
    "additionalProperties": False,
}
_HOOK = {
    "type": "object",
    "required": ["posix", "windows"],
    "properties": {"posix": _SCRIPT, "windows": _SCRIPT},
    "additionalProperties": False,
}
_STEPS = ("restore", "package", "publish", "provision", "infracreate", "infradelete", "deploy", "up", "down")
_SCHEMA = {
    "type": "object",
    "required": ["name", "services"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])$"},
        "requiredVersions": {
            "type": "object",
            "properties": {"azd": {"type": "string"}},
            "additionalProperties": False,
        },
        "infra": {
            "type": "object",
            "properties": {"provider": {"enum": ["bicep"]}, "path": {"type": "string"}, "module": {"type": "string"}},
            "additionalProperties": False,
        },
        "services": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["host", "project"],
                "properties": {
                    "host": {"enum": ["function"]},
                    "project": {"type": "string"},
                    "language": {"enum": ["py", "python"]},
                    "dist": {"type": "string"},
                    "remoteBuild": {"type": "boolean"},
                },
                "additionalProperties": False,
            },
        },
        "hooks": {
            "type": "object",
            "properties": {f"{time}{step}": _HOOK for time in ("pre", "post") for step in _STEPS},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}


def _document() -> Any:
    return yaml.safe_load((REPOSITORY / "azure.yaml").read_text(encoding="utf-8"))


def test_azure_yaml_is_what_azd_reads() -> None:
    jsonschema.validate(_document(), _SCHEMA, cls=jsonschema.Draft201909Validator)


def test_every_hook_runs_a_module_that_knows_it_on_both_systems() -> None:
    hooks = _document()["hooks"]
    assert set(hooks) == {"prepackage", *HOOKS}
    for name, hook in hooks.items():
        program, *arguments = shlex.split(hook["posix"]["run"])
        assert (program, hook["posix"]["shell"]) == (".venv/bin/python", "sh")
        assert hook["windows"]["run"] == rf".venv\Scripts\python {shlex.join(arguments)}"
        assert arguments[0] == "-m"
        assert importlib.util.find_spec(arguments[1]) is not None
        assert arguments[2:] == ([] if name == "prepackage" else [name])


def test_service_is_deployed_from_the_package_without_a_build() -> None:
    service = _document()["services"]["app"]
    assert service["remoteBuild"] is False
    assert service["dist"] == "dist/app"
    assert build.__module__ == _document()["hooks"]["prepackage"]["posix"]["run"].split()[-1]


def test_template_is_where_azd_looks_for_it() -> None:
    infra = _document()["infra"]
    assert (REPOSITORY / infra["path"] / f"{infra['module']}.bicep").is_file()
    assert (REPOSITORY / infra["path"] / f"{infra['module']}.bicepparam").is_file()
