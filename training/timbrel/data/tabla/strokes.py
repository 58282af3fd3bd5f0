"""The 26 recorded strokes, what a player calls them, and which of them no model may learn from."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile

SAMPLE_RATE = 44_100
"""Rate of every recording of the set, in Hz."""

LOOP = "loop_tabla"
"""Played by a person; never part of the training material."""

Drum = Literal["dayan", "bayan"]
"""The small right-hand drum with a pitch, and the large left-hand one with its gliding bass."""


@dataclass(frozen=True)
class Family:
    """Strokes that a player would use for one another."""

    drum: Drum
    strokes: tuple[str, ...]
    damps: bool
    """The hand stays on the skin: what rings of this drum is choked."""
    gain_db: float = 0.0
    """Balance: the recordings are each normalised to full scale, a drum is not."""


FAMILIES: dict[str, Family] = {
    # Bayan, resonant, open.
    "ge": Family("bayan", ("ghe2", "ghe3", "ghe5", "ghe6", "ghe7"), damps=False, gain_db=-2.0),
    # Bayan, resonant, short or pressed.
    "gi": Family("bayan", ("ghe1", "ghe4", "ghe8"), damps=False, gain_db=-4.0),
    # Bayan, flat hand, no pitch.
    "ke": Family("bayan", ("ke1", "ke2", "ke3"), damps=True, gain_db=-9.0),
    # Dayan, on the rim: bright, ringing.
    "na": Family("dayan", ("na", "na_o", "na_s"), damps=False, gain_db=-3.0),
    # Dayan, between rim and centre: soft, ringing.
    "tin": Family("dayan", ("tas1", "tas2", "tas3"), damps=False, gain_db=-3.0),
    # Dayan, in the open centre: the fundamental.
    "tun": Family("dayan", ("tun1", "tun2", "tun3"), damps=False, gain_db=-5.0),
    # Dayan, flat fingers on the black spot: dry.
    "te": Family("dayan", ("te1", "te2", "te_m", "te_ne"), damps=True, gain_db=-5.0),
    "re": Family("dayan", ("re", "dhec"), damps=True, gain_db=-5.0),
}

HELD_OUT: frozenset[str] = frozenset({"ghe7", "ke3", "na", "tas2", "tun1", "te1"})
"""One stroke of each kind of timbre: bass, slap, rim, soft ring, fundamental and dry.

Chosen once, and such that none is nearly the same recording as one that is trained on: the maximum
of the normalised cross-correlation with any other stroke is at most 0.77. (That rules out `tun2`,
which is `tun3` at another level, and `ghe2`, `ghe5` and `te2`, which have twins above 0.9.)
"""

TRAINED: frozenset[str] = frozenset(s for f in FAMILIES.values() for s in f.strokes) - HELD_OUT
"""The strokes that the training material is made of."""


def assets() -> Path:
    """The folder of the recordings, their licence and their origin."""
    return Path(str(files("timbrel").joinpath("assets", "tabla")))


@cache
def load(stroke: str) -> npt.NDArray[np.float64]:
    """Samples of one stroke (or of `LOOP`), shape `(frames,)`, as recorded."""
    name = stroke if stroke == LOOP else f"tabla_{stroke}"
    samples, rate = soundfile.read(assets() / f"{name}.flac", dtype="float64")
    if rate != SAMPLE_RATE:
        raise ValueError(f"{name}.flac has {rate} Hz, {SAMPLE_RATE} expected")
    samples.setflags(write=False)
    return samples
