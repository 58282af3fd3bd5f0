"""What performers put between their hands and `nn~ model forward`: the folder patchers/.

They speak in messages: their outlet to the left inlet of nn~. Those with an inlet are wired in a
circle, the right outlet of nn~ to that.
"""

from patching import Patcher

STRIPS = 16  # sliders of the mixer


def _ends(patch: Patcher, x: float, y: float) -> tuple[int, int]:
    inlet = patch.ui(20, 60, "inlet", 25, 25, comment="from the right outlet of nn~")
    outlet = patch.ui(x, y, "outlet", 25, 25, comment="to the left inlet of nn~")
    return inlet, outlet


def latent_mixer() -> Patcher:
    """Two rows of sliders: what is added to each latent, and what it is multiplied with."""
    patch = Patcher(420, 330, presentation=True)
    patch.text(60, 14, "latent-mixer: a desk for the first 16 latents of nn~ MODEL forward")
    out = patch.ui(20, 520, "outlet", 25, 25, comment="to the left inlet of nn~")
    ms = patch.number(860, 130)
    patch.chain(patch.obj(860, 66, "loadbang"), patch.msg(860, 98, "50"), ms)
    neutral = patch.button(300, 130)
    for row, (name, low, high, rest) in enumerate((("bias", -4, 4, 0), ("scale", 0, 2, 1))):
        x = 20 + 420 * row
        rests = patch.msg(x, 176, " ".join([str(rest)] * STRIPS))
        patch.wire(neutral, rests)
        look = {"size": STRIPS, "setminmax": [float(low), float(high)], "setstyle": 1}
        faders = patch.ui(x, 210, "multislider", 250, 110, contdata=1, signed=int(low < 0), **look)
        each = patch.obj(x, 336, "listfunnel")
        apart = patch.obj(x, 368, "unpack i f")
        said = patch.obj(x, 404, f"sprintf latent {name} %ld %f %ld")
        patch.chain(rests, faders, each, apart, said)
        patch.wire(said, out, turns=[500] if row else [])
        patch.wire(apart, said, 1, 1)
        patch.wire(ms, said, 0, 2, turns=[397])
        caption = {"bias": "added to each latent", "scale": "multiplied with each latent"}[name]
        patch.present(patch.text(x + 210, 405, caption, 180), 10, 6 + 136 * row, 250, 20)
        patch.present(faders, 10, 28 + 136 * row, 400, 104)
    freeze, frozen = patch.toggle(980, 130), patch.msg(980, 404, "latent freeze $1 200")
    patch.wire(freeze, frozen)
    patch.wire(frozen, out, turns=[500])
    for box, text, x in ((freeze, "freeze", 12), (neutral, "neutral", 120), (ms, "ms", 240)):
        patch.present(box, x, 290, 60 if box == ms else 24, 24)
        place = patch.boxes[box]["patching_rect"]
        name_box = patch.text(place[0] + place[2] + 4, place[1] + 2, text)
        patch.present(name_box, x + (64 if box == ms else 28), 292, 60, 20)
    return patch


def latent_recorder() -> Patcher:
    """Writes down the latents that are heard, and plays them again."""
    patch = Patcher(330, 96, presentation=True)
    patch.text(
        60, 14, "latent-recorder: writes latents of nn~ MODEL forward down, plays them again"
    )
    inlet, out = _ends(patch, 20, 560)
    ms = patch.number(420, 120)
    patch.chain(patch.obj(420, 56, "loadbang"), patch.msg(420, 88, "46"), ms)
    record, play = patch.toggle(220, 120), patch.toggle(600, 120)
    clear = patch.button(60, 120)

    # Asks for the latents, and keeps each answer under the next number.
    ask = patch.obj(220, 160, "metro 46")
    get = patch.msg(220, 192, "latent get")
    patch.chain(record, ask, get)
    patch.wire(get, out, turns=[536])
    patch.wire(ms, ask, 0, 1)
    heard, gate = patch.obj(20, 230, "route latents"), patch.obj(20, 262, "gate", 120)
    order = patch.obj(20, 294, "t b l", 120)
    number, more = patch.obj(20, 330, "i"), patch.obj(64, 330, "+ 1")
    line, take = patch.obj(20, 366, "zl.join", 120), patch.obj(20, 402, "coll #0-take", 120)
    patch.wire(inlet, heard)
    patch.wire(heard, gate, 0, 1)
    patch.wire(record, gate, turns=[152, 180, 257])
    patch.chain(gate, order, number, line, take)
    patch.wire(order, line, 1, 1)
    patch.wire(number, more)
    patch.wire(more, number, 0, 1)
    emptied = patch.obj(60, 160, "t b b")
    zero, empty = patch.msg(60, 192, "0"), patch.msg(110, 192, "clear")
    patch.wire(clear, emptied)
    patch.wire(emptied, zero)
    patch.wire(emptied, empty, 1)
    patch.wire(zero, number, 0, 1, turns=[220, 150, 323])
    patch.wire(empty, take, turns=[218, 164, 395])

    # Round and round; when it ends, the latents are the sound's again.
    step = patch.obj(600, 160, "metro 46")
    patch.wire(ms, step, 0, 1)
    following = patch.msg(600, 192, "next")
    patch.chain(play, step, following)
    patch.wire(following, take, turns=[395])
    timed = patch.obj(20, 438, "zl.join", 120)
    patch.chain(take, timed, patch.obj(20, 474, "prepend latents"), out)
    patch.wire(ms, timed, 0, 1, turns=[431])
    stopped, let_go = patch.obj(700, 160, "sel 0"), patch.msg(700, 192, "latents")
    patch.chain(play, stopped, let_go)
    patch.wire(let_go, out, turns=[536])

    for box, text, x in ((record, "record", 10), (play, "play", 110), (clear, "clear", 220)):
        patch.present(box, x, 12, 24, 24)
        place = patch.boxes[box]["patching_rect"]
        patch.present(patch.text(place[0] + 28, place[1] + 2, text), x + 28, 14, 60, 20)
    patch.present(ms, 10, 56, 60, 22)
    place = patch.boxes[ms]["patching_rect"]
    patch.present(patch.text(place[0] + 66, place[1] + 2, "ms a step"), 76, 57, 100, 20)
    return patch


def latent_sliders() -> Patcher:
    """A slider for every latent of whatever model plays: holds it, until it is released."""
    patch = Patcher(420, 190, presentation=True)
    patch.text(60, 14, "latent-sliders: a slider for every latent of nn~ MODEL forward")
    inlet, out = _ends(patch, 20, 476)
    look = {"setminmax": [-4.0, 4.0], "setstyle": 1, "size": 16, "signed": 1, "contdata": 1}
    faders = patch.ui(120, 240, "multislider", 250, 110, **look)
    # As many as the model has, where the sound put them.
    ask, get = patch.button(400, 60), patch.msg(400, 96, "latent get")
    patch.wire(ask, get)
    patch.wire(get, out, turns=[464])
    heard = patch.obj(20, 110, "route latents")
    order, count = patch.obj(20, 142, "t l l"), patch.obj(120, 142, "zl.len")
    sized, shown = patch.msg(120, 176, "size $1"), patch.obj(20, 206, "prepend set")
    patch.chain(inlet, heard, order, shown, faders)
    patch.wire(order, count, 1)
    patch.chain(count, sized, faders)
    each, apart = patch.obj(120, 366, "listfunnel"), patch.obj(120, 398, "unpack i f")
    said = patch.obj(120, 430, "sprintf latent set %ld %f 50")
    patch.chain(faders, each, apart, said, out)
    patch.wire(apart, said, 1, 1)
    release, let_go = patch.button(560, 60), patch.msg(560, 96, "latent release all 100")
    patch.wire(release, let_go)
    patch.wire(let_go, out, turns=[464])
    patch.present(faders, 10, 10, 400, 140)
    for box, text, x in ((ask, "where they are now", 10), (release, "let go", 180)):
        patch.present(box, x, 158, 24, 24)
        place = patch.boxes[box]["patching_rect"]
        patch.present(patch.text(place[0] + 28, place[1] + 2, text), x + 28, 160, 130, 20)
    return patch


ALL = {
    "timbrel.latent-mixer": latent_mixer,
    "timbrel.latent-recorder": latent_recorder,
    "timbrel.latent-sliders": latent_sliders,
}
