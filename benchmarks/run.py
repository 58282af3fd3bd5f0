"""`make bench`: speed, stalls, latency, memory and the loader, each beside a reference of the run.

Times differ from machine to machine and with what else runs there; the ratios are what to compare.
"""

import tempfile
from pathlib import Path

from latency import LAYOUTS, latency
from loader import Loading, datasets, loading
from memory import Growth, Memory, memory
from pd import pd_table
from pd import rows as pd_rows
from rich.console import Console
from rich.table import Table
from speed import AudioThread, Inference, audio_thread, inference
from steps import Steps, steps
from stress import rows as stress_rows
from stress import stress_table
from subjects import BLOCK, RATE, VECTOR, Subject, filter_bank, shipped, untrained

from timbrel.config import load_preset

INSTANCES = 8
PACED_SECONDS = 8.0
STRESSED_SECONDS = 4.0
PD_SECONDS = 6.0
TRAINING_ROUNDS = 3
LOADER_SECONDS = 2.0
LOADER_WORKERS = (0, 2)
"""0 loads in the process that trains."""


def main() -> None:
    """Measures everything, in about four minutes, and prints it."""
    out, progress = Console(), Console(stderr=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress.print("making the models", style="dim")
        small, bank = shipped(folder), filter_bank(folder)
        large = untrained("v1", folder)
        subjects = [small, large]
        progress.print("inference", style="dim")
        others = [untrained(name, folder) for name in ("embedded", "low_latency")]
        heard = [(s, inference(s, rounds=8)) for s in (*subjects, *others)]
        out.print(inference_table(heard))
        progress.print("the audio thread, in real time", style="dim")
        out.print(audio_table([(s, audio_thread(s, PACED_SECONDS)) for s in subjects]))
        progress.print("the audio thread under stress", style="dim")
        out.print(stress_table(large, stress_rows(large, STRESSED_SECONDS)))
        progress.print("Pure Data, in real time", style="dim")
        out.print(pd_table(large, pd_rows(large, PD_SECONDS)))
        progress.print("latency", style="dim")
        out.print(latency_table(bank))
        progress.print("memory", style="dim")
        grown = [(s, memory(s.path, bank.path, INSTANCES)) for s in subjects]
        out.print(memory_table(grown), opening_table(grown))
        progress.print("training", style="dim")
        presets = [load_preset(name, []) for name in ("tiny", "v1")]
        taken = [steps(config, TRAINING_ROUNDS) for config in presets]
        out.print(steps_table([row for rows in taken for row in rows]))
        progress.print("loading", style="dim")
        examples = [
            rows[0].ours * config.training.batch
            for rows, config in zip(taken, presets, strict=True)
        ]
        loaded = [
            [loading(form, dataset, config, workers, LOADER_SECONDS) for config in presets]
            for form, dataset in datasets(folder)
            for workers in LOADER_WORKERS
        ]
        out.print(loader_table(loaded, examples))


def inference_table(rows: list[tuple[Subject, Inference]]) -> Table:
    table = _table(
        f"inference: blocks of {BLOCK}, {1000 * BLOCK / RATE:.1f} ms of sound, on one core",
        "model|by|median ms|p99 ms|× real time|median / torch's",
    )
    for subject, measured in rows:
        for name, times, ratio in (
            ("engine", measured.engine, f"{measured.ratio:.2f}"),
            ("torch.jit", measured.torch, "1"),
        ):
            figures = (f"{x:.2f}" for x in (times.median, times.p99, times.real_time_factor))
            table.add_row(subject.name, name, *figures, ratio)
    return table


def audio_table(rows: list[tuple[Subject, AudioThread]]) -> Table:
    table = _table(
        f"the audio thread: ms per call of {VECTOR}, {1000 * VECTOR / RATE:.2f} ms of sound",
        "model|computed|median|p99|max|max / inside's|late",
    )
    for subject, measured in rows:
        late = f"{measured.late} of {measured.blocks}"
        for name, times, blocks, ratio in (
            ("in a worker", measured.engine, late, f"{measured.ratio:.4f}"),
            ("inside", measured.inside, "", "1"),
        ):
            figures = (f"{x:.3f}" for x in (times.median, times.p99, times.max))
            table.add_row(subject.name, name, *figures, ratio, blocks)
    return table


def latency_table(bank: Subject) -> Table:
    table = _table(
        "latency in samples: noise through a filter bank, found by cross-correlation",
        "buffer|vector|stated|heard|heard / stated",
        labels=0,
    )
    for buffer, vector in LAYOUTS:
        m = latency(bank, buffer, vector)
        figures = (str(n) for n in (m.buffer, m.vector, m.stated, m.heard))
        table.add_row(*figures, f"{m.heard / m.stated:.4f}")
    return table


def memory_table(rows: list[tuple[Subject, Memory]]) -> Table:
    table = _table(
        "memory that playing instances of one file add",
        f"model|by|file MB|1: MB|1: × file|{INSTANCES}: MB|{INSTANCES}: × file",
    )
    for subject, measured in rows:
        size = subject.megabytes
        for name, grown in _both(measured):
            sizes = [m for c in (grown.one, grown.all) for m in (c.megabytes, c.megabytes / size)]
            table.add_row(subject.name, name, f"{size:.1f}", *(f"{x:.1f}" for x in sizes))
    return table


def opening_table(rows: list[tuple[Subject, Memory]]) -> Table:
    table = _table(
        "until instances of one file are ready to play",
        f"model|by|1: ms|{INSTANCES}: ms|{INSTANCES} / 1|{INSTANCES} / torch's {INSTANCES}",
    )
    for subject, measured in rows:
        for name, grown in _both(measured):
            one, all_ = 1000 * grown.one.seconds, 1000 * grown.all.seconds
            of_torch = grown.all.seconds / measured.torch.all.seconds
            figures = (f"{one:.0f}", f"{all_:.0f}", f"{all_ / one:.2f}", f"{of_torch:.2f}")
            table.add_row(subject.name, name, *figures)
    return table


def steps_table(rows: list[Steps]) -> Table:
    table = _table(
        "training: steps per second, beside a plain loop over the same networks",
        "preset|stage|by|steps / s|steps / plain's",
    )
    for row in rows:
        table.add_row(row.preset, str(row.stage), "timbrel", f"{row.ours:.2f}", f"{row.ratio:.2f}")
        table.add_row(row.preset, str(row.stage), "plain", f"{row.plain:.2f}", "1")
    return table


def loader_table(rows: list[list[Loading]], examples: list[float]) -> Table:
    table = _table(
        "the loader on its own: examples per second; a step of stage 1 takes, here, "
        f"{examples[0]:.1f} of tiny's and {examples[1]:.2f} of v1's",
        "dataset|workers|tiny|× its step|v1|× its step",
        labels=1,
    )
    for row in rows:
        figures = [
            figure
            for one, step in zip(row, examples, strict=True)
            for figure in (
                f"{one.examples_per_second:.0f}",
                f"{one.examples_per_second / step:.0f}",
            )
        ]
        table.add_row(row[0].form, str(row[0].workers), *figures)
    return table


def _both(measured: Memory) -> list[tuple[str, Growth]]:
    return [("engine", measured.engine), ("torch.jit", measured.torch)]


def _table(title: str, columns: str, labels: int = 2) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns.split("|")):
        table.add_column(column, justify="left" if i < labels else "right")
    return table


if __name__ == "__main__":
    main()
