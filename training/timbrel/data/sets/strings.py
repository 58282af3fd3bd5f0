"""The `strings` set: a string orchestra, sampled by others, playing what Timbrel composes."""

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import soundfile

from timbrel import __version__
from timbrel.data.atomic import new_folder
from timbrel.data.conversion import cores
from timbrel.data.sets.fetch import DebianPackage, Say, debian
from timbrel.data.sets.material import Made, check_asked
from timbrel.data.sets.score import SECTIONS, Score, compose
from timbrel.data.tabla.make import durations
from timbrel.errors import UserError

PACKAGE = DebianPackage(
    name="musescore-general-soundfont",
    files="usr/share/sounds/sf3/MuseScore_General_Full.sf3",
    count=1,
    digest="39ecd8081b9439ddfef2a058a386ba6a1e96b9b99b5dd65d10a7067f80fcf417",
    megabytes=76,
)

SAMPLE_RATE = 44_100

TRAINED_TONICS = (0, 1, 2, 3, 5, 6, 7, 9, 10, 11)
HELD_OUT_TONICS = (4, 8)
"""Keys: the held-out performance is in E or A flat, in which training never plays."""

HELD_OUT_SECONDS = 20.0

_TAIL = 1.5
"""Seconds for the last note to end in."""

_ROOM_DB = -80.0
"""Noise of a quiet room, re full scale: no recording has digital silence."""

_TICKS = 480
_MICROSECONDS = 500_000
"""A beat of the MIDI file; its notes stand at seconds."""

_NOTICE = """\
A string orchestra, composed and sequenced by Timbrel {version} (seed {seed}), 44.1 kHz stereo.

Played by FluidSynth from the MuseScore General soundfont (MIT), whose ensemble strings are sampled
from VSCO 2 Community Edition (CC0) by Sam Gossner, Simon Dalzell and Elan Hickler. The soundfont's
notice is LICENSE beside this file. The noise of a quiet room (-80 dB) is added.

train/     for training
heldout/   for listening and evaluation only: performance.wav is in a key (E or A flat) in which
           train/ never plays
"""

_Job = tuple[Path, np.random.SeedSequence, float, tuple[int, ...]]


def make(
    folder: Path,
    *,
    minutes: float = 30.0,
    seed: int = 0,
    soundfont: Path | None = None,
    say: Say = lambda line: None,
    advance: Callable[[float], None] = lambda seconds: None,
) -> Made:
    """Write `train/*.wav` and `heldout/performance.wav` (stereo, 16 bit, 44.1 kHz) into a folder.

    The same seed gives the same music; the same sound where FluidSynth and its libraries are the
    same. The held-out performance of a seed does not depend on `minutes`.

    Args:
        folder: to make.
        minutes: of training material.
        seed: of the music.
        soundfont: a copy of MuseScore_General_Full that is already there, or another with its
            banks and programs; None fetches it.
        say: is told what takes a while.
        advance: is told how many more seconds have been played.

    Raises:
        UserError: mido, fluidsynth or the soundfont is missing, or `folder` is not empty.
    """
    check_asked(minutes, seed)
    _check_tools(soundfont)
    held_out_seed, lengths_seed, train_seed = np.random.SeedSequence(seed).spawn(3)
    lengths = durations(np.random.default_rng(lengths_seed), minutes * 60)
    with new_folder(folder) as partial:
        unpacked = partial / "unpacked"
        for name in ("unpacked", "train", "heldout"):
            (partial / name).mkdir()
        if soundfont is None:
            (font,) = debian(PACKAGE, unpacked, say)
            notice = unpacked / f"usr/share/doc/{PACKAGE.name}/copyright"
            shutil.copyfile(notice, partial / "LICENSE")
        else:
            font = soundfont.resolve()
        jobs: list[_Job] = [
            (partial / f"train/strings_{index:03d}.wav", file_seed, length, TRAINED_TONICS)
            for index, (length, file_seed) in enumerate(
                zip(lengths, train_seed.spawn(len(lengths)), strict=True)
            )
        ]
        performance = partial / "heldout/performance.wav"
        jobs.append((performance, held_out_seed, HELD_OUT_SECONDS, HELD_OUT_TONICS))

        def perform(job: _Job) -> None:
            path, file_seed, seconds, tonics = job
            rng = np.random.default_rng(file_seed)
            score = compose(rng, seconds - _TAIL, tonics)
            _write(path, play(score, seconds, font), rng)
            advance(seconds)

        with ThreadPoolExecutor(cores()) as pool:
            for _ in pool.map(perform, jobs):
                pass
        shutil.rmtree(unpacked)
        (partial / "NOTICE").write_text(
            _NOTICE.format(version=__version__, seed=seed), encoding="utf-8"
        )
    return Made.measured(folder)


def _check_tools(soundfont: Path | None) -> None:
    try:
        import mido  # noqa: F401
    except ImportError:
        raise UserError(
            "the Python package mido is not installed, which writes the music down; "
            "run: pip install mido"
        ) from None
    if shutil.which("fluidsynth") is None:
        raise UserError(
            "fluidsynth is not found, which plays the music; run: sudo apt install fluidsynth "
            "(macOS: brew install fluid-synth)"
        )
    if soundfont is not None and not soundfont.is_file():
        raise UserError(f"{soundfont}: no such file; give a soundfont, or leave --soundfont out")


def write_midi(score: Score, path: Path) -> None:
    """A standard MIDI file: a channel for each section, all in one track."""
    from mido import Message, MetaMessage, MidiFile, MidiTrack

    channels = {section: index for index, section in enumerate(SECTIONS)}
    # At one moment notes end before others begin.
    timed: list[tuple[float, int, Message]] = []
    for section, channel in channels.items():
        if section.name in score.playing:
            program = score.playing[section.name]
            bank = Message("control_change", channel=channel, control=0, value=section.bank)
            timed += [(0, 0, bank)]
            timed += [(0, 0, Message("program_change", channel=channel, program=program))]
    for swell in score.swells:
        values = {"channel": channels[swell.section], "control": 11, "value": swell.level}
        timed.append((swell.seconds, 1, Message("control_change", **values)))
    for note in score.notes:
        values = {"channel": channels[note.section], "note": note.pitch}
        timed.append((note.seconds + note.length, 2, Message("note_off", **values)))
        timed.append((note.seconds, 3, Message("note_on", velocity=note.velocity, **values)))
    timed.sort(key=lambda entry: entry[:2])
    track = MidiTrack([MetaMessage("set_tempo", tempo=_MICROSECONDS)])
    last = 0
    for seconds, _, message in timed:
        tick = round(seconds * 1e6 / _MICROSECONDS * _TICKS)
        track.append(message.copy(time=tick - last))
        last = tick
    MidiFile(ticks_per_beat=_TICKS, tracks=[track]).save(path)


def play(score: Score, seconds: float, soundfont: Path) -> npt.NDArray[np.float32]:
    """The sound of a score, stereo, dry, ``(frames, 2)``, cut or filled to `seconds`.

    Raises:
        UserError: fluidsynth fails.
    """
    frames = round(seconds * SAMPLE_RATE)
    with TemporaryDirectory() as scratch:
        midi, wav = Path(scratch, "score.mid"), Path(scratch, "score.wav")
        write_midi(score, midi)
        options = "synth.dynamic-sample-loading=1 synth.midi-bank-select=gs synth.cpu-cores=1"
        result = subprocess.run(
            [
                *("fluidsynth", "-ni", "-q", "-r", str(SAMPLE_RATE), "-g", "1", "-R", "0"),
                *("-C", "0", *(word for option in options.split() for word in ("-o", option))),
                *("-T", "wav", "-O", "float", "-F", str(wav), str(soundfont), str(midi)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode or not wav.is_file():
            said = (result.stderr.strip() or result.stdout.strip() or "it says nothing").split("\n")
            raise UserError(f"fluidsynth could not play from {soundfont}: {said[-1]}")
        found, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    found = found[:frames]
    return np.pad(found, ((0, frames - len(found)), (0, 0)))


def _write(path: Path, samples: npt.NDArray[np.float32], rng: np.random.Generator) -> None:
    peak = float(np.abs(samples).max())
    if peak < 1e-3:
        raise UserError(
            "the soundfont plays nothing: it has not the strings of MuseScore General in its banks"
        )
    samples = samples * np.float32(10 ** (rng.uniform(-6.0, -1.0) / 20) / peak)
    fade = round(0.3 * SAMPLE_RATE)
    samples[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
    samples += 10 ** (_ROOM_DB / 20) * rng.standard_normal(samples.shape, dtype=np.float32)
    try:
        soundfile.write(path, samples, SAMPLE_RATE, "PCM_16")
    except soundfile.LibsndfileError:
        # libsndfile does not say why; on a file of our own, in a folder of our own, it is the disk.
        raise UserError(
            f"{path.name} could not be written; is there space left on the disk?"
        ) from None
