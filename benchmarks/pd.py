"""Two [nn~] in a real Pure Data, in real time: how many DSP ticks come late, and beside an idle Pd.

`make bench` measures some seconds of each row; by itself it takes a minute for each:

    python benchmarks/pd.py --seconds 60
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from subjects import RATE, ROOT, Subject, untrained

PACKAGE = ROOT / "build" / "pd_package" / "timbrel"
PROBE = ROOT / "build" / "release" / "benchmarks"
OBJECTS = 2
WARM_UP = 8.0
"""Seconds for models to be loaded and swapped in, before anything is counted."""
EVERY = 500
"""Milliseconds between a reload of one object, with a `set` of the other, and the next."""


@dataclass(frozen=True)
class Row:
    """A Pd in real time.

    Attributes:
        late: DSP ticks that came more than 5 ms after their time.
        longest: delay in ms.
        blocks, late_blocks, swaps: of all objects, as they state them.
        processor: of one core that the whole process used, as a fraction.
    """

    does: str
    ticks: int
    late: int
    longest: float
    blocks: int
    late_blocks: int
    swaps: int
    processor: float


def patch(model: str, objects: int, messages: list[str], seconds: float, every: int) -> str:
    """Objects fed with noise; as soon as all play, the messages go to `to0`, `to1`…, in turn."""
    lines = ["#N canvas 0 0 600 400 12;"]

    def add(text: str, kind: str = "obj") -> int:
        lines.append(f"#X {kind} 10 {20 * len(lines)} {text};")
        return sum(line.startswith(("#X obj", "#X msg")) for line in lines) - 1

    wires: list[tuple[int, int, int, int]] = []
    start, dsp, probe, noise = (
        add("loadbang"),
        add("\\; pd dsp 1", "msg"),
        add("ticks~"),
        add("noise~"),
    )
    wires.append((start, 0, dsp, 0))
    to = add("s to")
    loaded, all_loaded = add("s loaded"), add(f"sel {objects}")
    for i in range(objects):
        played, said = add(f"nn~ {model} forward 2048"), add("print said")
        both, receive, first = add("r to"), add(f"r to{i}"), add("route loaded")
        wires += [(noise, 0, played, 0), (played, 1, said, 0), (receive, 0, played, 0)]
        wires += [(both, 0, played, 0)]
        wires += [(played, 1, first, 0), (first, 0, loaded, 0)]
    if messages:
        each, number, next_ = add("r loaded"), add("f 0"), add("+ 1")
        bang = add("t b")
        wires += [(each, 0, bang, 0), (bang, 0, number, 0), (number, 0, next_, 0)]
        wires += [(next_, 0, number, 1), (next_, 0, all_loaded, 0)]
        metro, count = add(f"metro {every}"), add("f 0")
        more, choose = add("+ 1"), add(f"mod {len(messages)}")
        select = add("sel " + " ".join(map(str, range(len(messages)))))
        wires += [(all_loaded, 0, metro, 0), (metro, 0, count, 0), (count, 0, more, 0)]
        wires += [(more, 0, count, 1), (count, 0, choose, 0), (choose, 0, select, 0)]
        for i, message in enumerate(messages):
            wires.append((select, i, add(message, "msg"), 0))
    begin, end = add(f"del {1000 * WARM_UP}"), add(f"del {1000 * (WARM_UP + seconds)}")
    order, stats, leave = add("t b b b"), add("stats", "msg"), add("\\; pd quit", "msg")
    wires += [(start, 0, begin, 0), (start, 0, end, 0), (begin, 0, probe, 0), (end, 0, order, 0)]
    wires += [(order, 2, probe, 0), (order, 1, stats, 0), (stats, 0, to, 0), (order, 0, leave, 0)]
    lines += [f"#X connect {a} {b} {c} {d};" for a, b, c, d in wires]
    return "\n".join(lines) + "\n"


def play(
    does: str, model: Path, objects: int, messages: list[str], seconds: float, every: int
) -> Row:
    """Raises where Pd, or the probe, is not there."""
    pd = shutil.which("pd")
    if not pd:
        raise FileNotFoundError("Pure Data (pd) is not in PATH")
    file = model.with_name("bench.pd")
    file.write_text(patch(model.stem, objects, messages, seconds, every), "utf-8")
    command = [pd, "-nogui", "-noaudio", "-noprefs", "-stderr", "-r", RATE]
    command += ["-path", PACKAGE, "-path", PROBE, "-open", file]
    before = os.times()
    done = subprocess.run(
        [str(part) for part in command],
        # As in a performance: nothing here tells libtorch how many threads to take.
        env={name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    after = os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    counted = re.findall(r"ticks (\d+) late (\d+) longest ([\d.]+)", done.stderr)
    if not counted:
        raise RuntimeError(f"[ticks~] said nothing; is it built?\n{done.stderr}")
    ticks, late, longest = counted[-1]

    def total(name: str) -> int:
        return sum(int(n) for n in re.findall(rf"^said: {name} (\d+)$", done.stderr, re.MULTILINE))

    return Row(
        does,
        int(ticks),
        int(late),
        float(longest),
        total("blocks"),
        total("late"),
        total("swaps"),
        used / (after.elapsed - before.elapsed),
    )


def rows(subject: Subject, seconds: float, every: int = EVERY) -> list[Row]:
    """An idle Pd, one that plays, and one whose models are reloaded and set while they play."""
    both = ["\\; to0 reload \\; to1 set temperature 0.5", "\\; to1 reload \\; to0 set noise 0"]
    return [
        play("idle", subject.path, 0, [], seconds, every),
        play("plays", subject.path, OBJECTS, [], seconds, every),
        play(
            f"plays, every {every / 1000:g} s reloads and sets",
            subject.path,
            OBJECTS,
            both,
            seconds,
            every,
        ),
    ]


def pd_table(subject: Subject, measured: list[Row]) -> Table:
    table = Table(
        title=f"Pure Data in real time, {OBJECTS} × {subject.name}, buffer 2048",
        title_justify="left",
        title_style="bold",
    )
    columns = "ticks|> 5 ms late|longest ms|of idle's|blocks|late|swaps|cores"
    table.add_column("Pd")
    for column in columns.split("|"):
        table.add_column(column, justify="right")
    idle = measured[0].longest
    for row in measured:
        figures = [str(row.ticks), str(row.late), f"{row.longest:.2f}", f"{row.longest / idle:.1f}"]
        figures += [str(n) for n in (row.blocks, row.late_blocks, row.swaps)]
        table.add_row(row.does, *figures, f"{row.processor:.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each row")
    parser.add_argument("--preset", default="v1", help="of the model, which is not trained")
    parser.add_argument("--every", type=int, default=EVERY, help="ms between reloads")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subject = untrained(options.preset, Path(folder))
        Console(width=120).print(pd_table(subject, rows(subject, options.seconds, options.every)))


if __name__ == "__main__":
    main()
