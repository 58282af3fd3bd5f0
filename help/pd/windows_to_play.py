"""Windows of nn~-help.pd that sound. Each plays by itself, and is silent until its own click."""

from patching import Patch
from said import LATENT_MOVES, SWAPS, figures
from sounds import begin, end

TABLA_LATENTS = 16


def latents_by_hand() -> Patch:
    """Messages for the latents of forward."""
    page = Patch(1040, 730)
    page.title(
        "latents by hand",
        """forward goes through a few numbers per moment, the latents. Messages move them, and cost
        no second object and no latency.""",
    )
    sound = begin(page, 20, 80)
    model = page.obj(20, 490, "nn~ tabla", 60)
    page.wire(sound, model)
    page.wire(page.obj(60, 400, "r $0-hand"), model)
    end(page, 20, 530, model)
    page.text(190, 80, "2 - a desk: + is added to a latent, x multiplies it")
    desk = page.obj(190, 106, "abstractions/latent-mixer")
    page.wire(desk, model)

    x = 660
    page.panel(x - 10, 76, 370, 610)
    page.text(x, 82, "3 - all at once")
    y = page.column(
        x,
        110,
        LATENT_MOVES,
        "$0-hand",
        190,
        24,
    )
    page.text(
        x,
        y + 4,
        """4 - a slow wave through the first latent. Any number that moves does it like that: from
        a sequencer, MIDI or a sensor.""",
        48,
    )
    wave = page.toggle(x, y + 56)
    steps = [
        page.obj(x, y + 86 + 26 * i, text)
        for i, text in enumerate(("metro 50", "snapshot~", "* 2"))
    ]
    page.wire(page.obj(x + 100, y + 86, "osc~ 0.3"), steps[1])
    say = page.msg(x + 100, y + 138, "latent bias 0 $1 50")
    page.chain(wave, *steps, say, page.obj(x + 100, y + 164, "s $0-hand"))

    shown = page.obj(440, 560, "route latents latent")
    page.wire(model, shown, 1)
    page.wire(shown, page.obj(440, 594, "print latents"))
    page.wire(shown, page.obj(550, 594, "print latent"), 1)
    page.text(440, 624, "what the right outlet says", 30)
    return page


def between_two_sounds() -> Patch:
    """Morphing and recording."""
    page = Patch(860, 540)
    page.title(
        "between two sounds",
        "two moments are kept, and what lies between them is played; or phrases are recorded",
    )
    sound = begin(page, 20, 80)
    model = page.obj(20, 380, "nn~ tabla", 60)
    page.wire(sound, model)
    end(page, 20, 420, model)
    for y, name, says in (
        (84, "latent-morph", "2 - keep A at one stroke and B at another, then move the slider"),
        (234, "latent-recorder", "3 - record for a while, then play: the phrase goes round"),
    ):
        page.text(220, y, says, 80)
        box = page.obj(220, y + 52, f"abstractions/{name}")
        page.wire(box, model)
        page.wire(page.obj(220, y + 24, "r $0-said"), box)
    page.wire(model, page.obj(440, 414, "s $0-said"), 1)
    return page


def latents_as_signals() -> Patch:
    """Encode and decode, with one cable per latent."""
    page = Patch(1000, 520)
    page.title(
        "latents as signals",
        """encode and decode apart: a latent is a signal, which holds each value until the next. Two
        objects, twice the latency.""",
    )
    sound = begin(page, 20, 80)
    encode = page.obj(120, 260, "nn~ tabla encode", 110)
    decode = page.obj(120, 360, "nn~ tabla decode", 110)
    page.wire(sound, encode)
    for i in range(1, TABLA_LATENTS):
        page.wire(encode, decode, i, i)
    shifted = page.obj(98, 316, "+~")
    page.wire(encode, shifted, 0, 1)
    page.wire(shifted, decode)
    page.text(300, 84, "2 - a signal added to the first latent: here a slow wave")
    depth = page.obj(300, 142, "*~")
    page.chain(depth, page.obj(300, 172, "s~ $0-wave"))
    page.wire(page.obj(20, 286, "r~ $0-wave"), shifted)
    page.wire(page.obj(300, 112, "osc~ 0.2"), depth)
    page.wire(page.slider(420, 114, 0, 4, value=0, label="how_much"), depth, 0, 1)
    end(page, 120, 410, decode)
    page.text(440, 420, "To play latents without encode, send any signals into decode.", 70)
    return page


def multichannel() -> Patch:
    """One cable for all channels."""
    page = Patch(900, 520)
    page.title(
        "multichannel",
        """with -m a cable carries all channels (Pd 0.54 and later: an older one says so, and makes
        inlets instead)""",
    )
    sound = begin(page, 20, 80)
    encode = page.obj(20, 260, "nn~ -m tabla encode")
    decode = page.obj(20, 360, "nn~ -m tabla decode")
    page.chain(sound, encode, decode)
    end(page, 20, 410, decode)
    apart = page.obj(280, 306, "snake~ out 16", 60)
    page.wire(encode, apart)
    page.text(280, 334, "the latents one by one, with Pd's own object", 60)
    page.text(280, 84, "2 - the same in one object, to be copied and changed:", 70)
    page.text(
        280,
        108,
        """[abstractions/encode-manipulate-decode~ tabla] has a place between encode and decode for
        your own idea""",
        70,
    )
    page.text(
        280,
        180,
        """The channels of a cable are the model's. One with fewer is used again from its first
        channel on. load and method change the outgoing cable to what the new method gives.""",
        70,
    )
    return page


def swapping_live() -> Patch:
    """Another model, method or buffer while it sounds."""
    page = Patch(900, 620)
    page.title(
        "swapping live",
        "a model is loaded and warmed up while the other plays, then one fades into the other",
    )
    sound = begin(page, 20, 80)
    model = page.obj(20, 470, "nn~ tabla", 40)
    page.wire(sound, model)
    page.wire(page.obj(100, 436, "r $0-swap"), model)
    end(page, 20, 510, model)
    page.column(
        200,
        84,
        SWAPS,
        "$0-swap",
        310,
        50,
    )
    said = page.obj(340, 510, "route loaded error")
    page.wire(model, said, 1)
    page.wire(said, page.obj(340, 540, "print loaded"))
    page.wire(said, page.obj(460, 540, "print refused"), 1)
    page.text(340, 470, "the right outlet says what is heard, and what could not be:", 60)
    return page


def latency_and_statistics() -> Patch:
    """What the object reports of itself."""
    page = Patch(960, 640)
    page.title(
        "latency and statistics",
        "the sound is late by a number of samples that the object tells, and that stays the same",
    )
    sound = begin(page, 20, 80)
    model = page.obj(20, 300, "nn~ tabla", 30)
    page.wire(sound, model)
    end(page, 20, 440, model)
    clock = page.toggle(190, 106, 24, "ask_every_second")
    page.chain(clock, page.obj(190, 140, "metro 1000"), page.msg(190, 168, "stats"), model)
    page.wire(model, page.obj(232, 336, "s $0-said"), 1)
    for x, name, values in (
        (360, "latency", ["samples", "ms"]),
        (560, "inference", ["median_ms", "p99_ms", "longest_ms"]),
    ):
        named, parts = (
            page.obj(x, 404, f"route {name}"),
            page.obj(x, 430, "unpack" + " f" * len(values), 12 * len(values)),
        )
        page.chain(page.obj(x, 378, "r $0-said"), named, parts)
        for i, value in enumerate(values):
            page.wire(parts, page.number(x + 84 * i, 464, 6, value, 3), i)
    fields = ["blocks", "late", "skipped", "failed", "nonfinite", "swaps", "load"]
    split = page.obj(360, 534, f"route {' '.join(fields)}", 76)
    page.chain(page.obj(360, 508, "r $0-said"), split)
    for i, name in enumerate(fields):
        page.wire(split, page.number(360 + 76 * i, 568, 6, name, 3), i)
    page.rows(
        360,
        84,
        figures("Pd"),
        90,
        68,
    )
    return page
