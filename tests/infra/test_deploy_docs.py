"""docs/deploy.md against the parameters of the template."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/deploy.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("| Name | Meaning | Default |\n")[2].partition("\n\n")[0].splitlines()


def test_table_of_values_is_that_of_the_parameters() -> None:
    parameters = (REPOSITORY / "infra/main.bicepparam").read_text(encoding="utf-8")
    documented = {name for row in TABLE for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
    assert documented == set(re.findall(r"readEnvironmentVariable\('(\w+)'", parameters))


def test_defaults_of_the_table_are_those_of_the_parameters() -> None:
    parameters = (REPOSITORY / "infra/main.bicepparam").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"readEnvironmentVariable\('(\w+)', '(\w[^']*)'\)", parameters))
    assert len(defaults) > 10
    for name, default in defaults.items():
        if name not in {"GRAPH_CLOUD", "AZURE_PRINCIPAL_TYPE"}:
            (row,) = (line for line in TABLE if re.match(rf"\|[^|]*`{name}`", line))
            assert f"`{default}`" in row.split("|")[3], name
