"""Files through a model's method: what a patch would play, written without hearing it first.

    model = Model("tabla.ts")
    outcome = render(model, [Path("recordings")], Path("out"), Settings())

The blocks go through the engine that plays in Pure Data and Max, so that what is written is what
an object in a patch gives, with its latency taken out. Memory does not grow with a file's length.
"""

from timbrel.rendering.files import Outcome, Rendered, Skipped, render
from timbrel.rendering.plan import Existing
from timbrel.rendering.settings import Settings, SoundFormat

__all__ = [
    "Existing",
    "Outcome",
    "Rendered",
    "Settings",
    "Skipped",
    "SoundFormat",
    "render",
]
