"""The folder examples/: a patch for each module in training/examples, which have to be made first.

Every window begins with a click; what its sliders and messages set, the module declares.
"""

from patching import Patch
from sounds import begin, click, end

TO_MODEL = "$0-nn"


def window(name: str, title: str, subtitle: str, height: int = 560) -> Patch:
    """A page that says where its model comes from."""
    page = Patch(860, height)
    page.title(title, subtitle)
    made = "learned_effect.py:effect" if name == "learned_effect" else f"{name}.py"
    page.text(
        20,
        height - 66,
        f"""The model is made: by make examples, which puts all five beside their patches, or by
        timbrel script {made} in training/examples. It plays in any patch of its folder.""",
        112,
    )
    return page


def model(page: Patch, y: int, name: str, outlets: int = 1, width: int = 40) -> int:
    """The object, what is sent to it, and what it reports."""
    box = page.obj(20, y, f"nn~ {name}", width)
    page.wire(page.obj(150, y - 28, f"r {TO_MODEL}"), box)
    page.wire(box, page.obj(7 * width - 10, y + 30, "print nn~"), outlets)
    return box


def knobs(page: Patch, x: int, y: int, rows: list[tuple[str, float, float, float, str]]) -> int:
    """A slider for each attribute: its name, range, value in the file, and what it does.

    The sliders show those values when the patch is opened, without sending them. Where they end.
    """
    rest = Patch(420, 60 + 30 * len(rows))
    start = rest.obj(20, 16, "loadbang")
    messages = []
    for i, (name, low, high, value, says) in enumerate(rows):
        slider = page.slider(x, y, low, high, value=value, length=150, receive=f"$0-{name}")
        messages.append(page.msg(x, y + 20, f"set {name} $1"))
        page.text(x + 170, y - 2, f"{low:g} to {high:g}: {says}", 38)
        page.wire(slider, messages[-1])
        show = rest.msg(20, 46 + 30 * i, f"set {value:g}")
        rest.chain(start, show, rest.obj(120, 46 + 30 * i, f"s $0-{name}"))
        y += 52
    send = page.obj(x, y, f"s {TO_MODEL}")
    for message in messages:
        page.wire(message, send)
    page.sub(x + 120, y, "at-rest", rest)
    return y + 26


def saturator() -> Patch:
    """Attributes of every usual type."""
    page = window("saturator", "saturator", "four curves that do not alias as their formulas do")
    sound = begin(page, 20, 84)
    box = model(page, 290, "saturator")
    page.wire(sound, box)
    end(page, 20, 370, box)
    page.text(400, 82, "2 - bend it")
    y = knobs(
        page,
        400,
        112,
        [
            ("drive", 0.1, 100, 4, "gain before the curve"),
            ("bias", -1, 1, 0, "offset before it: even harmonics"),
            ("mix", 0, 1, 1, "from dry to saturated"),
        ],
    )
    y = page.column(
        400,
        y + 6,
        [
            ("set curve tanh", "one of four words"),
            ("set curve clip", ""),
            ("set curve fold", ""),
            ("set curve rectify", ""),
            ("set smooth 0", "the plain formula, which aliases"),
            ("set smooth 1", ""),
        ],
        TO_MODEL,
        170,
        36,
    )
    return page


def spectral_features() -> Patch:
    """Audio in, control out."""
    page = window(
        "spectral_features",
        "spectral features",
        "numbers that say what a sound is like; here a sine follows the drum's brightness",
        660,
    )
    sound = begin(page, 20, 84)
    box = model(page, 260, "spectral_features", 5, width=100)
    page.wire(sound, box)
    page.text(400, 82, "2 - how much of a value stays from frame to frame")
    knobs(page, 400, 112, [("smoothing", 0, 0.999, 0, "0 follows at once")])
    clock = page.obj(620, 232, "metro 50")
    page.wire(page.obj(620, 206, "loadbang"), clock)
    labels = ("loudness_dB", "centroid_Hz", "spread_Hz", "flatness", "flux")
    for i, label in enumerate(labels):
        x = 50 + 139 * i
        value = page.obj(x, 314, "snapshot~")
        page.wire(box, value, i)
        page.wire(clock, value)
        page.wire(value, page.number(x, 342, 8, label, 3))
    level, linear, follower = (
        page.obj(20, y, text) for y, text in ((400, "+~ 100"), (428, "dbtorms~"), (490, "*~"))
    )
    page.wire(box, level)
    page.chain(level, linear, follower)
    # A sine, not a cosine: silent for as long as nothing was heard.
    pitch, quarter = page.obj(158, 458, "osc~"), page.msg(250, 428, "0.75")
    page.wire(box, pitch, 1)
    page.wire(quarter, pitch, 0, 1)
    page.wire(page.obj(250, 400, "loadbang"), quarter)
    page.wire(pitch, follower, 0, 1)
    page.text(420, 400, "3 - the centroid plays a sine, the loudness is its level", 56)
    end(page, 20, 518, follower)
    return page


def wavetable() -> Patch:
    """A host's buffer."""
    page = window(
        "wavetable", "wavetable", "an oscillator whose wave is an array of the patch", height=600
    )
    click(page, 20, 84)
    box = model(page, 380, "wavetable")
    for place, (x, text, low, high, value, label) in enumerate(
        [(20, "mtof", 24, 84, 45, "pitch"), (220, "", 0, 1, 0, "position")]
    ):
        slider = page.slider(x, 210, low, high, value=value, sends=True, label=label, length=100)
        steps = [page.obj(x, 236, text)] if text else []
        ramp = page.obj(x, 300, "line~")
        page.chain(slider, *steps, page.msg(x, 266, "$1 30"), ramp)
        page.wire(ramp, box, 0, place)
    page.text(220, 176, "from sine over triangle to saw", 24)
    end(page, 20, 440, box)
    page.text(400, 82, "2 - draw a wave, or choose one: it plays")
    page.array(400, 126, "nn-wave", 512, 420, 140)
    order, done = page.obj(400, 388, "t b a"), page.msg(400, 422, "set table nn-wave")
    for i, (harmonics, says) in enumerate(
        [
            ("1", "a sine"),
            ("1 0 0.33 0 0.2", "hollow"),
            ("0.5 0 0 1 0 0 0 0.6", "an organ"),
        ]
    ):
        # Pd adds three samples to what it computes.
        shape = page.msg(400, 290 + 30 * i, f"sinesum 512 {harmonics}, resize 512")
        page.text(740, 290 + 30 * i, says)
        page.wire(shape, order)
    page.wire(order, page.obj(480, 388, "s nn-wave"), 1)
    page.chain(order, done, page.obj(400, 456, f"s {TO_MODEL}"))
    page.text(
        570,
        422,
        """Send it again after drawing: the model has what the array held when it was sent.""",
        32,
    )
    return page


def resonator() -> Patch:
    """State: what it plays depends on what was played into it before."""
    page = window(
        "resonator", "resonator", "six strings that hear the drum, and each other", height=620
    )
    sound = begin(page, 20, 84)
    box = model(page, 290, "resonator", 2)
    page.wire(sound, box)
    end(page, 20, 370, box, right=1)
    page.text(400, 82, "2 - tune them")
    y = page.column(
        400,
        110,
        [
            ("set pitches 110 165 220 277 330 440", "Hz"),
            ("set pitches 98 147 196 233 294 392", ""),
            ("set pitches 87 131 175 220 262 349", ""),
            ("set pitches 60 60.5 91 121 121.5 182", "beating"),
        ],
        TO_MODEL,
        330,
        16,
    )
    knobs(
        page,
        400,
        y + 14,
        [
            ("decay", 0.05, 10, 3, "seconds to fall by 60 dB"),
            ("damping", 0, 1, 0.3, "how much faster high partials fall"),
            ("coupling", 0, 1, 0.1, "how much a string excites the others"),
            ("level", 0, 1, 0.2, "of the strings"),
        ],
    )
    return page


def learned_effect() -> Patch:
    """Any network as an effect."""
    page = window(
        "learned_effect",
        "learned effect",
        "a network that has learned a pedal, with the dry signal aligned to it",
        520,
    )
    sound = begin(page, 20, 84)
    box = model(page, 290, "learned_effect")
    page.wire(sound, box)
    end(page, 20, 350, box)
    page.text(400, 82, "2 - between the signal and the pedal")
    knobs(
        page,
        400,
        112,
        [
            ("gain", 0, 8, 1, "into the effect"),
            ("mix", 0, 1, 1, "from dry to the effect alone"),
        ],
    )
    page.text(
        400,
        290,
        """It learns a pedal of your own from two recordings, one through it: python
        learned_effect.py dry.wav wet.wav pedal.ts""",
        56,
    )
    return page


ALL = {
    "saturator": saturator,
    "spectral_features": spectral_features,
    "wavetable": wavetable,
    "resonator": resonator,
    "learned_effect": learned_effect,
}
