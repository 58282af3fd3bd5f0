"""`timbrel bench`: what a model costs on this machine."""

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from timbrel.errors import UserError

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from timbrel.benchmark import Benchmark, Measured


def bench(
    model: Annotated[Path, typer.Argument(help="Model file (.ts), of Timbrel's or another's.")],
    method: Annotated[
        str, typer.Option(help="Of the model; `timbrel info` lists them.")
    ] = "forward",
    rate: Annotated[
        float | None,
        typer.Option(help="At which it plays, in Hz.", show_default="the model's, or 44100"),
    ] = None,
    vector: Annotated[
        int, typer.Option(help="Frames per call of the host, as latency is counted; Pd's is 64.")
    ] = 64,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Measure inference, and find the smallest buffer with which a patch is safe.

    A buffer is safe when one and a half times the 99th percentile of what its
    blocks take still fits into the time that a block lasts. Multiples of the
    model's highest ratio are tried, none below the host's vector. One stream
    is measured, with noise, on one thread, as in a patch.
    """
    if rate is not None and not 1_000 <= rate <= 768_000:
        raise UserError(f"--rate is {rate:g} Hz; choose from 1000 to 768000")
    if not 1 <= vector <= 8192:
        raise UserError(f"--vector is {vector}; choose from 1 to 8192")

    from timbrel.benchmark import benchmark
    from timbrel.cli.progress import progress_bar
    from timbrel.engine import Model

    opened = Model(model)
    rate = rate or opened.sample_rate or 44_100.0
    with progress_bar() as bar:
        result = benchmark(opened, method, rate=rate, vector=vector, advance=_Shown(bar))
    if json_:
        print(json.dumps(_described(model, method, rate, vector, result), indent=2))
    else:
        _show(f"{opened.name} {method}", rate, vector, result)


class _Shown:
    """Hands progress to the screen."""

    def __init__(self, bar: "Bar") -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)

    def __call__(self, buffer: int, blocks: int) -> None:
        from timbrel.benchmark import BLOCKS

        if not blocks:
            self._bar.reset(self._task)
        self._bar.update(self._task, description=f"buffer {buffer}", completed=blocks, total=BLOCKS)


def _described(
    path: Path, method: str, rate: float, vector: int, result: "Benchmark"
) -> dict[str, Any]:
    from timbrel.benchmark import BLOCKS, MARGIN

    safe = result.smallest_safe
    return {
        "model": str(path),
        "method": method,
        "sample_rate": rate,
        "vector": vector,
        "machine": f"{platform.system()} {platform.machine()}",
        "blocks": BLOCKS,
        "margin": MARGIN,
        "default_buffer": result.default.buffer,
        "smallest_safe_buffer": safe.buffer if safe else None,
        "buffers": [_buffer(measured, rate) for measured in result.measured],
    }


def _buffer(measured: "Measured", rate: float) -> dict[str, Any]:
    latency = measured.latency.total
    return {
        "buffer": measured.buffer,
        "block_ms": measured.block_ms,
        "median_ms": measured.median_ms,
        "p99_ms": measured.p99_ms,
        "max_ms": measured.max_ms,
        "real_time_factor": measured.real_time_factor,
        "latency": latency,
        "latency_ms": 1000 * latency / rate,
        "safe": measured.safe,
    }


def _show(name: str, rate: float, vector: int, result: "Benchmark") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from timbrel.benchmark import LARGEST_BUFFER, MARGIN

    title = Text(f"{name} at {rate:g} Hz, vectors of {vector}; ms per block", "bold")
    table = Table(title=title, title_justify="left")
    columns = "buffer|lasts|median|p99|max|× real time|latency|safe"
    for column in columns.split("|"):
        table.add_column(column, justify="right")
    for measured in result.measured:
        figures = _buffer(measured, rate)
        table.add_row(
            f"{measured.buffer}",
            *(f"{figures[key]:.2f}" for key in ("block_ms", "median_ms", "p99_ms", "max_ms")),
            f"{measured.real_time_factor:.1f}",
            f"{figures['latency']}, {figures['latency_ms']:.0f} ms",
            "yes" if measured.safe else "no",
        )
    console = Console(highlight=False)
    console.print(table)
    safe = result.smallest_safe
    if safe:
        line = f"smallest safe buffer: {safe.buffer} (p99 × {MARGIN:g} fits into its blocks)"
    else:
        line = f"no buffer up to {LARGEST_BUFFER} is safe: the model is too slow for this machine"
    console.print(line)
    if not result.default.safe:
        console.print(f"the default buffer, {result.default.buffer}, is not safe here")
