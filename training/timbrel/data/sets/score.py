"""Music for a string orchestra, made up by rules and a seed: chords, voices, bowing, swells."""

from dataclasses import dataclass

import numpy as np

Scale = tuple[int, ...]

MAJOR: Scale = (0, 2, 4, 5, 7, 9, 11)
MINOR: Scale = (0, 2, 3, 5, 7, 8, 10)

_NEXT: dict[int, tuple[int, ...]] = {
    0: (3, 4, 5, 1, 2),
    1: (4, 4, 6),
    2: (5, 3),
    3: (4, 0, 1),
    4: (0, 0, 5),
    5: (3, 1, 2),
    6: (0, 2),
}
"""Degrees of the scale that may follow a degree, the likelier ones more than once."""

RHYTHMS: tuple[tuple[float, ...], ...] = (
    (4.0,),
    (2.0, 2.0),
    (3.0, 1.0),
    (1.0, 1.0, 2.0),
    (1.5, 0.5, 1.0, 1.0),
    (1.0, 0.5, 0.5, 1.0, 1.0),
    (0.5,) * 8,
)
"""A bar of four beats, divided."""


@dataclass(frozen=True)
class Section:
    """A part of the orchestra, by its bank in the soundfont."""

    name: str
    bank: int
    lowest: int
    highest: int
    """As MIDI numbers; where the section sounds well, not all it can play."""


VIOLINS_1 = Section("violins I", 20, 62, 91)
VIOLINS_2 = Section("violins II", 20, 57, 81)
VIOLAS = Section("violas", 30, 50, 74)
CELLI = Section("celli", 40, 36, 62)
SECTIONS = (VIOLINS_1, VIOLINS_2, VIOLAS, CELLI)

FAST, SLOW, TREMOLO, PIZZICATO = 48, 49, 44, 45
"""Ways of playing, by their program in the soundfont."""


@dataclass(frozen=True)
class Note:
    """One section plays one pitch."""

    section: Section
    seconds: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Swell:
    """The loudness of a section from a moment on."""

    section: Section
    seconds: float
    level: int
    """Expression, from 0 to 127."""


@dataclass(frozen=True)
class Score:
    """What is played, in how far it matters to a synthesizer."""

    notes: tuple[Note, ...]
    swells: tuple[Swell, ...]
    playing: dict[str, int]
    """The program of each section, by its name."""


def compose(rng: np.random.Generator, seconds: float, tonics: tuple[int, ...]) -> Score:
    """Music of `seconds`, in one of the keys (0 is C).

    Some pieces are for all sections, some for two of them, some for one alone.
    """
    tonic = int(rng.choice(tonics))
    scale = MAJOR if rng.random() < 0.5 else MINOR
    bars = max(1, round(seconds * float(rng.uniform(50, 110)) / 240))
    beat = seconds / (4 * bars)
    count = int(rng.choice((1, 2, 4), p=(0.3, 0.2, 0.5)))
    sections = [SECTIONS[index] for index in sorted(rng.choice(4, size=count, replace=False))]
    # Plucked strings alone would leave more silence than sound.
    share = (0.35, 0.35, 0.15, 0.15) if count > 1 else (0.4, 0.4, 0.2, 0.0)
    playing = {
        section.name: int(rng.choice((FAST, SLOW, TREMOLO, PIZZICATO), p=share))
        for section in sections
    }
    leader = sections[int(rng.integers(count))]
    pitch = {section: (section.lowest + section.highest) // 2 for section in sections}
    notes: list[Note] = []
    swells: list[Swell] = []
    degree = 0
    for bar in range(bars):
        time = 4 * beat * bar
        loudness = float(rng.uniform(0.45, 1.0))
        for section in sections:
            rhythm = _rhythm(rng, playing[section.name], section is leader)
            at = time
            for place, beats in enumerate(rhythm):
                chosen = _step(rng, pitch[section], section, tonic, scale, degree, place == 0)
                pitch[section] = chosen
                velocity = round(127 * loudness * float(rng.uniform(0.75, 1.0)))
                length = beats * beat
                gap = 0.4 * length if playing[section.name] == PIZZICATO else 0.03
                notes.append(
                    Note(section, at + float(rng.uniform(0, 0.015)), length - gap, chosen, velocity)
                )
                at += length
            swells += _swell(rng, section, time, 4 * beat)
        degree = int(rng.choice(_NEXT[degree]))
    return Score(tuple(notes), tuple(swells), playing)


def _rhythm(rng: np.random.Generator, program: int, leads: bool) -> tuple[float, ...]:
    if program == PIZZICATO:
        return RHYTHMS[int(rng.integers(3, len(RHYTHMS)))]
    if program in (SLOW, TREMOLO) and not leads:
        return RHYTHMS[int(rng.integers(0, 3))]
    return RHYTHMS[int(rng.integers(0, len(RHYTHMS)))]


def _step(
    rng: np.random.Generator,
    last: int,
    section: Section,
    tonic: int,
    scale: Scale,
    degree: int,
    strong: bool,
) -> int:
    """The next pitch: on strong beats of the chord, else of the scale, and rarely far away."""
    degrees = [(degree + third) % 7 for third in (0, 2, 4)] if strong else range(7)
    classes = {(tonic + scale[d]) % 12 for d in degrees}
    if strong and section is CELLI:
        classes = {(tonic + scale[degree]) % 12}  # the root, in the bass
    pitches = [p for p in range(section.lowest, section.highest + 1) if p % 12 in classes]
    distance = np.abs(np.array(pitches) - last)
    weight = np.exp(-((distance / 4.0) ** 2)) * np.where(distance == 0, 0.4, 1.0) + 1e-4
    return int(rng.choice(pitches, p=weight / weight.sum()))


def _swell(rng: np.random.Generator, section: Section, start: float, length: float) -> list[Swell]:
    """A bar that grows, fades, does both or neither."""
    first, last = rng.integers(70, 128, size=2)
    steps = np.linspace(0.0, 1.0, 16, endpoint=False)
    levels = first + (last - first) * steps
    return [
        Swell(section, start + float(step) * length, round(float(level)))
        for step, level in zip(steps, levels, strict=True)
    ]
