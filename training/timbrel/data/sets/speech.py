"""The `speech` set: one speaker of Russian, read sentences, 16 kHz."""

import hashlib
import shutil
from pathlib import Path

from timbrel import __version__
from timbrel.data.atomic import new_folder
from timbrel.data.sets.fetch import DebianPackage, Say, debian
from timbrel.data.sets.material import Made, check_asked, sort_out

PACKAGE = DebianPackage(
    name="festvox-ru",
    files="usr/share/festival/voices/russian/*/wav/*.wav",
    count=620,
    digest="6471eac6e026ad2867088e8d650bb95b9b48c22a27bbcfe5908dcd0b38cebc7b",
    megabytes=179,
)

_HELD_OUT = 0.03
"""Share of the sentences."""

_NOTICE = """\
Sentences read by one speaker of Russian, sorted by Timbrel {version} (seed {seed}).

From the voice msu_ru_nsh_clunits of the Festival speech synthesis system (package festvox-ru),
copyright (c) 2005 Nickolay V. Shmyrev; its licence, BSD-like, is LICENSE beside this file. The
recordings are unchanged.

train/     for training
heldout/   for listening and evaluation only: the same {held_out} sentences for any seed
"""


def make(
    folder: Path,
    *,
    minutes: float | None = None,
    seed: int = 0,
    say: Say = lambda line: None,
    package: DebianPackage = PACKAGE,
) -> Made:
    """Write `train/*.wav` and `heldout/*.wav` (mono, 16 bit, 16 kHz) into a new folder.

    Raises:
        UserError: the recordings cannot be had, there are fewer `minutes` (None: all), or `folder`
            is not empty.
    """
    check_asked(minutes, seed)
    with new_folder(folder) as partial:
        unpacked = partial / "unpacked"
        unpacked.mkdir()
        files = debian(package, unpacked, say)
        sort_out(files, partial, held_out=_is_held_out, minutes=minutes, seed=seed)
        shutil.move(unpacked / f"usr/share/doc/{package.name}/copyright", partial / "LICENSE")
        shutil.rmtree(unpacked)
        held_out = sum(1 for _ in (partial / "heldout").iterdir())
        (partial / "NOTICE").write_text(
            _NOTICE.format(version=__version__, seed=seed, held_out=held_out), encoding="utf-8"
        )
    return Made.measured(folder)


def _is_held_out(path: Path) -> bool:
    """Chosen by the sentence's number, as good as by chance."""
    return hashlib.sha256(path.stem.encode()).digest()[0] < _HELD_OUT * 256
