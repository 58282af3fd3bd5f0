"""Composes playing: rhythmic cycles, variations and fills become a list of timed strokes.

A tabla player speaks in bols, syllables that each stand for a stroke of one or of both hands. A
tala is a cycle of beats with a bol for each; around it a player ornaments beats, answers with a
composed phrase (a kaida) played at twice or four times the speed, leaves room, and ends with a
phrase played three times (a tihai) that lands on the first beat. The figures here follow the common
thekas and the best-known kaida of the Delhi school; no recording is imitated.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from timbrel.data.tabla.strokes import FAMILIES, Drum

BOLS: dict[str, tuple[str, ...]] = {
    "dha": ("na", "ge"),
    "dhin": ("tin", "ge"),
    "dhun": ("tun", "ge"),
    "dhe": ("te", "gi"),
    "kre": ("ke", "te"),
    "na": ("na",),
    "tin": ("tin",),
    "tun": ("tun",),
    "te": ("te",),
    "re": ("re",),
    "ge": ("ge",),
    "gi": ("gi",),
    "ke": ("ke",),
    "-": (),
}
"""The families of strokes that each bol sounds."""

SUBSTITUTES = {"gi": "ge", "re": "te"}
"""What to play where none of a family's strokes is allowed."""


@dataclass(frozen=True)
class Tala:
    """A cycle of beats."""

    theka: tuple[str, ...]
    section: int
    """Beats between two lesser accents."""


def _bols(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TALAS: tuple[Tala, ...] = (
    # Tintal, 16 beats, twice as likely as the others, as in life.
    Tala(_bols("dha dhin dhin dha dha dhin dhin dha dha tin tin na na dhin dhin dha"), 4),
    Tala(_bols("dha dhin dhin dha dha dhin dhin dha dha tin tin na na dhin dhin dha"), 4),
    # Keherwa, 8 beats, and a lighter form of it.
    Tala(_bols("dha ge na tin na ke dhin na"), 4),
    Tala(_bols("dha te na ge na ke dhun na"), 4),
    # Addha, 16 beats with air in it.
    Tala(_bols("dha dhin - dha dha dhin - dha dha tin - na na dhin - dha"), 4),
    # Dadra, 6 beats.
    Tala(_bols("dha dhin na dha tun na"), 3),
)

FILLS: tuple[tuple[str, ...], ...] = tuple(
    _bols(text)
    for text in (
        "te te",
        "dha te",
        "ge ge",
        "na ke",
        "tun na",
        "- dha",
        "ge na",
        "dha te te",
        "te re ke te",
        "ge na te te",
        "dha ge te te",
        "ke te dha -",
        "dhe te dhe te",
        "ge re na gi",
    )
)
"""Ornaments of a single beat, divided evenly."""

KAIDAS: tuple[tuple[str, ...], ...] = tuple(
    _bols(text)
    for text in (
        "dha te te dha te te dha dha te te dha ge tun na ke na",
        "dha ge te te ge ge na na dha ge te te ge ge tun na",
        "dha te re ke te dha ge na dha ge dhin na ge na tin na",
        "dha - te re ke te dha te re ke dha ge tun na ke -",
        "ge re na gi na te ke te ge re na gi tin na ke na",
    )
)
"""Composed phrases of 16 bols."""

TIHAIS: tuple[tuple[str, ...], ...] = tuple(
    _bols(text) for text in ("te te dha -", "ge na dha - -", "te re ke te dha -", "dha tun na dha")
)
"""Phrases to be played three times at the end."""

MAX_CENTS = 100
"""Strokes are tuned up or down by at most one semitone."""

_CENTS_STEP = 5


@dataclass(frozen=True)
class Event:
    """One stroke of one hand."""

    seconds: float
    stroke: str
    drum: Drum
    damps: bool
    gain_db: float
    cents: int


@dataclass(frozen=True)
class _Note:
    """A bol at its place in the music, before a human plays it."""

    beat: float
    bol: str
    level_db: float


def compose(
    rng: np.random.Generator, seconds: float, strokes: Collection[str]
) -> tuple[Event, ...]:
    """One performance of `seconds` that uses none but the given strokes, in order of time."""
    tala = TALAS[rng.integers(len(TALAS))]
    beat_seconds = 60.0 / rng.uniform(110.0, 250.0)
    swing = rng.choice([0.0, 0.0, rng.uniform(0.03, 0.12)])  # of a beat; half the players swing
    jitter = rng.uniform(0.002, 0.007)  # s, standard deviation of a good player's timing
    tuning = {"dayan": rng.uniform(-80, 80), "bayan": rng.uniform(-80, 80)}  # cents
    start = rng.uniform(0.02, 0.25)
    ring = min(1.5, seconds / 4)  # s, left to the last stroke
    beats = (seconds - ring - start) / beat_seconds

    events = []
    for note in _notes(rng, tala, beats):
        late = swing if note.beat % 1.0 == 0.5 else 0.0
        time = start + (note.beat + late) * beat_seconds
        for family_name in BOLS[note.bol]:
            family = FAMILIES[family_name]
            choice = [s for s in family.strokes if s in strokes]
            if not choice:
                family = FAMILIES[SUBSTITUTES[family_name]]
                choice = [s for s in family.strokes if s in strokes]
            # The bass hand bends its skin, the other drum keeps the pitch it was tuned to.
            bend = rng.normal(0.0, 30.0 if family.drum == "bayan" else 6.0)
            cents = np.clip(tuning[family.drum] + bend, -MAX_CENTS, MAX_CENTS)
            events.append(
                Event(
                    seconds=max(0.0, time + rng.normal(0.0, jitter)),
                    stroke=choice[rng.integers(len(choice))],
                    drum=family.drum,
                    damps=family.damps,
                    gain_db=family.gain_db + note.level_db + rng.normal(0.0, 1.2),
                    cents=round(cents / _CENTS_STEP) * _CENTS_STEP,
                )
            )
    return tuple(sorted(events, key=lambda event: event.seconds))


def _notes(rng: np.random.Generator, tala: Tala, beats: float) -> Iterator[_Note]:
    """Cycle after cycle until `beats` are full; then the tihai and its final stroke."""
    tihai = TIHAIS[rng.integers(len(TIHAIS))]
    tihai_step = 0.5 if len(tihai) < 6 else 0.25
    tihai_beats = 3 * len(tihai) * tihai_step
    # Short performances have no room for an ending; they just stop on a stroke.
    with_tihai = beats > tihai_beats + len(tala.theka)
    end = beats - (tihai_beats if with_tihai else 0.0)

    cycle_start, swell, plain = 0, 0.0, True
    while cycle_start < end:
        swell = float(np.clip(swell + rng.normal(0.0, 1.5), -5.0, 2.0))
        # A theka is established before it is departed from, and returned to afterwards.
        figure = "theka" if plain else rng.choice(["fills", "kaida", "fills", "breath"])
        for note in _cycle(rng, tala, str(figure)):
            if cycle_start + note.beat < end:
                yield _Note(cycle_start + note.beat, note.bol, note.level_db + swell)
        plain = figure in ("kaida", "breath")
        cycle_start += len(tala.theka)
    if with_tihai:
        for index, bol in enumerate(tihai * 3):
            level = -2.0 if bol == "dha" else -4.0
            yield _Note(end + index * tihai_step, bol, level)
    yield _Note(beats, "dha", 0.0)


def _cycle(rng: np.random.Generator, tala: Tala, figure: str) -> Iterator[_Note]:
    """The notes of one cycle, with beats counted from its start."""
    count = len(tala.theka)
    ornaments = {"theka": 0.08, "fills": 0.4, "kaida": 0.08, "breath": 0.0}[figure]
    kaida_start, kaida_end = count, count
    kaida = KAIDAS[rng.integers(len(KAIDAS))]
    per_beat = int(rng.choice([2, 4]))
    if figure == "kaida":
        kaida_start = int(rng.choice([0, count // 2]))
    silent_from = count - count // 4 if figure == "breath" else kaida_end
    for beat, bol in enumerate(tala.theka):
        accent = 0.0 if beat == 0 else -1.5 if beat % tala.section == 0 else -3.0
        if beat >= silent_from:
            continue
        if beat >= kaida_start:
            for part in range(per_beat):
                index = ((beat - kaida_start) * per_beat + part) % len(kaida)
                level = accent if part == 0 else -4.5 if part * 2 == per_beat else -6.0
                yield _Note(beat + part / per_beat, kaida[index], level)
        elif rng.random() < ornaments:
            fill = FILLS[rng.integers(len(FILLS))]
            for part, fill_bol in enumerate(fill):
                yield _Note(beat + part / len(fill), fill_bol, accent if part == 0 else -5.5)
        elif rng.random() > 0.04:  # now and then a beat is only thought
            yield _Note(float(beat), bol, accent)
