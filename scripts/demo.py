"""`make demo`: the shipped instrument, played in a real Pure Data.

A performance on strokes that the model never heard runs through `[nn~ tabla forward]`, in real time
and without a sound card. What comes out is left in out/: the sound, a picture of it, and the
figures of the run.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "build" / "pd_package" / "timbrel"
WORK = ROOT / "build" / "demo"
OUT = ROOT / "out"

Audio = NDArray[np.float32]
Figures = dict[str, list[float]]


def main() -> None:
    """Trains if asked to, plays, and shows what came of it."""
    OUT.mkdir(exist_ok=True)
    shutil.copyfile(held_out_recording(), OUT / "recording.wav")
    figures, cpu = play(train() if os.environ.get("TRAIN") else None)
    recording, rate = soundfile.read(OUT / "recording.wav", dtype="float32")
    output, _ = soundfile.read(OUT / "demo.wav", dtype="float32")
    latents, _ = soundfile.read(OUT / "latents.wav", dtype="float32")
    (OUT / "latents.wav").unlink()  # sixteen channels at audio rate are for the picture only
    if not np.isfinite(output).all() or np.abs(output).max() < 1e-3:
        sys.exit("demo: Pure Data wrote silence; see out/pd.log")
    draw(OUT / "demo.png", recording, output, latents, rate)
    print_table(figures, cpu)


def held_out_recording() -> Path:
    """Twenty seconds on strokes that are not in the training material."""
    folder = WORK / "sound"
    if not folder.is_dir():
        command = ["timbrel", "datasets", "make", "tabla", folder, "--minutes", "0.1"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "heldout" / "performance.wav"


def train() -> Path:
    """Trains the shipped model anew, with the very commands that made it."""
    folder = WORK / "training"
    subprocess.run(["bash", ROOT / "models" / "train-tabla", folder], check=True)
    return folder / "tabla.ts"


def play(model: Path | None) -> tuple[dict[str, Figures], float]:
    """Runs scripts/demo.pd in out/, in real time.

    Args:
        model: one to play instead of the shipped one.

    Returns:
        What both objects reported, and the share of one core that all of Pd took.
    """
    patch = (ROOT / "scripts" / "demo.pd").read_text()
    if model is not None:
        # The package's own models are found first, so that this one needs a name of its own.
        shutil.copyfile(model, OUT / "trained.ts")
        patch = patch.replace("nn~ tabla ", "nn~ trained ")
    (OUT / "demo.pd").write_text(patch)
    command = ["pd", "-nogui", "-noaudio", "-nrt", "-stderr", "-path", PACKAGE, "-open", "demo.pd"]
    seconds = soundfile.info(OUT / "recording.wav").duration
    print(f"playing {seconds:.0f} s in Pure Data", file=sys.stderr)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        with (OUT / "pd.log").open("w") as log:
            subprocess.run(command, cwd=OUT, stderr=log, check=True, timeout=seconds + 120)
    except (subprocess.SubprocessError, OSError) as error:
        sys.exit(f"demo: Pure Data did not play ({error}); see out/pd.log")
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return reports((OUT / "pd.log").read_text()), cpu / wall


def reports(console: str) -> dict[str, Figures]:
    """The lines `object: selector numbers...` of Pd's console, by object and selector."""
    found: dict[str, Figures] = {"forward": {}, "encode": {}}
    for name, selector, rest in re.findall(r"^(forward|encode): (\w+)((?: \S+)*)$", console, re.M):
        numbers = re.findall(r"-?[\d.]+(?:e[-+]?\d+)?", rest)
        found[name][selector] = [float(number) for number in numbers]
    if "late" not in found["forward"]:
        sys.exit("demo: [nn~] did not report; see out/pd.log")
    return found


def draw(path: Path, recording: Audio, output: Audio, latents: Audio, rate: int) -> None:
    """Spectrograms of what went in and of what came out, and the latents between them."""
    figure, axes = plt.subplots(3, 1, figsize=(11, 8), sharex=True, layout="constrained")
    seconds = len(recording) / rate
    titles = ("into [nn~ tabla forward]: strokes it was never trained on", "out of it")
    for axis, sound, title in zip(axes, (recording, output), titles, strict=False):
        # Digital silence has no logarithm: a trace of noise, far below the scale, gives it one.
        audible = sound + 1e-8 * np.random.default_rng(0).standard_normal(len(sound))
        axis.specgram(audible, NFFT=1024, noverlap=768, Fs=rate, vmin=-125, vmax=-40)
        axis.set(title=title, ylabel="Hz", ylim=(0, 8_000))
    # Each value is held for a whole frame at audio rate; a glance every 10 ms misses none.
    step = rate // 100
    lines = latents[::step]
    spread = 1.2 * np.percentile(np.abs(lines - lines.mean(axis=0)), 99.5)
    time_axis = np.arange(len(lines)) * step / rate
    offsets = np.arange(lines.shape[1]) * spread
    axes[2].plot(time_axis, lines - lines.mean(axis=0) + offsets, linewidth=0.8)
    axes[2].set(title="the latents between", xlabel="seconds", yticks=offsets, xlim=(0, seconds))
    axes[2].set_yticklabels(range(lines.shape[1]), fontsize=7)
    figure.savefig(path, dpi=80)


def print_table(figures: dict[str, Figures], cpu: float) -> None:
    """The run in figures."""
    forward, encode = figures["forward"], figures["encode"]
    samples, milliseconds = forward["latency"][:2]
    table = Table(show_header=False)
    table.add_row("real-time factor of forward", f"{1 / forward['load'][0]:.1f}")
    table.add_row("latency", f"{samples:.0f} samples, {milliseconds:.1f} ms")
    for name, of in (("forward", forward), ("encode", encode)):
        table.add_row(f"late blocks of {name}", f"{of['late'][0]:.0f} of {of['blocks'][0]:.0f}")
    table.add_row("CPU, all of Pd with both objects", f"{100 * cpu:.0f} % of one core")
    Console().print(table)
    print("out/demo.wav  what came out\nout/demo.png  what it looks like")


if __name__ == "__main__":
    main()
