"""Everything in one run of about 80 seconds. It measures and does not judge: a missed target is no failure."""

import asyncio
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import imports, over_http, receiving


def main() -> None:
    """Print one table after the other, each once its figures are there."""
    console = Console()
    console.print(receiving.table(receiving.measure()))
    with tempfile.TemporaryDirectory() as folder:
        console.print(over_http.table(asyncio.run(over_http.measure(Path(folder)))))
    console.print(imports.table(imports.measure()))


main()
