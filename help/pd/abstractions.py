"""What performers put between their hands and `[nn~ model forward]`: the folder abstractions/.

Those that speak in messages are wired in a circle: their outlet to the left inlet of nn~, its right
outlet to their inlet. They need nothing but Pd.
"""

from patching import Patch

STRIPS = 16  # sliders of the mixer
MOST = 128  # latents that a morph can hold
WIRING = "Outlet to the left inlet of nn~, the right outlet of nn~ to the inlet."


def latent_mixer() -> Patch:
    """Two sliders per latent: what is added to it, and what it is multiplied with."""
    patch = Patch(960, 480, shown=(20, 80, 440, 340))
    patch.text(
        20,
        12,
        "latent-mixer: a desk for the first 16 latents of [nn~ model forward]. Outlet to nn~.",
        120,
    )
    patch.text(
        20,
        36,
        "Upper row: added. Lower row: multiplied with. ms: how long a move takes.",
        120,
    )
    patch.panel(20, 80, 439, 339)
    out = patch.obj(500, 440, "outlet")
    ms = patch.number(370, 392, 5, "ms", 0)
    usual = patch.msg(500, 120, "50")
    start = patch.obj(500, 96, "loadbang")
    patch.chain(start, usual, ms)
    freeze = patch.toggle(40, 390, 20, "freeze")
    patch.chain(freeze, patch.msg(560, 408, "latent freeze $1 200"), out)
    neutral = patch.bang(160, 390, 20, "neutral")
    both = patch.obj(500, 152, "t b b")
    patch.wire(neutral, both)
    for row, (name, low, high, rest) in enumerate((("bias", -4, 4, 0), ("scale", 0, 2, 1))):
        y = 112 + 146 * row
        x = 500 + 230 * row
        patch.text(30, y - 28, {"bias": "+", "scale": "x"}[name])
        shown = patch.msg(x, 184, f"set {rest}")
        patch.wire(start, shown)
        patch.wire(both, shown, row)
        patch.chain(shown, patch.obj(x, 212, f"s $0-{name}"))
        timed = patch.obj(x, 344, "list append 50")
        patch.wire(ms, timed, 0, 1)
        patch.chain(timed, patch.msg(x, 372, f"latent {name} $1 $2 $3"), out)
        # Not slider by slider: the model may have fewer.
        rests = patch.msg(x + 70, 184, f"all {rest}")
        patch.wire(both, rests, row)
        patch.wire(rests, timed)
        for i in range(STRIPS):
            strip = patch.slider(
                36 + 26 * i,
                y,
                low,
                high,
                value=rest,
                label=str(i),
                length=100,
                vertical=True,
                receive=f"$0-{name}",
            )
            pair = patch.msg(x + 52 * (i % 4), 240 + 24 * (i // 4), f"{i} $1")
            patch.chain(strip, pair, timed)
    return patch


def latent_recorder() -> Patch:
    """Writes down the latents that are heard, and plays them again."""
    patch = Patch(800, 570, shown=(20, 80, 330, 76))
    patch.text(
        20,
        12,
        "latent-recorder: writes down the latents of [nn~ model forward], plays them in a loop.",
        110,
    )
    patch.text(20, 36, WIRING, 110)
    patch.panel(20, 80, 329, 75)
    inlet = patch.obj(20, 200, "inlet")
    out = patch.obj(400, 540, "outlet")
    record = patch.toggle(30, 88, 24, "record")
    play = patch.toggle(130, 88, 24, "play")
    clear = patch.bang(230, 90, 20, "clear")
    ms = patch.number(30, 124, 5, "ms_a_step")
    usual = patch.msg(400, 124, "46")
    patch.chain(patch.obj(400, 100, "loadbang"), usual, ms)

    metro = patch.obj(400, 180, "metro 46")
    patch.wire(record, metro)
    patch.wire(ms, metro, 0, 1)
    patch.chain(metro, patch.msg(400, 208, "latent get"), out)
    heard = patch.obj(20, 228, "route latents")
    gate = patch.obj(20, 256, "spigot")
    patch.chain(inlet, heard, gate, patch.obj(20, 284, "text insert $0-take 1e+07"))
    patch.wire(record, gate, 0, 1)
    take = patch.obj(20, 350, "text define $0-take")
    patch.chain(clear, patch.msg(20, 322, "clear"), take)

    ways = patch.obj(560, 180, "sel 0")
    patch.wire(play, ways)
    patch.chain(ways, patch.msg(640, 236, "latents"), out)
    step = patch.obj(560, 236, "metro 46")
    patch.wire(play, step)
    patch.wire(ms, step, 0, 1)
    look = patch.obj(560, 264, "t b b")
    size = patch.obj(640, 292, "text size $0-take")
    some = patch.obj(560, 320, "f")
    patch.chain(step, look, some)
    patch.wire(look, size, 1)
    patch.wire(size, some, 0, 1)
    any_ = patch.obj(560, 348, "moses 1")
    patch.wire(some, any_)
    order = patch.obj(560, 376, "t b f")
    patch.wire(any_, order, 1)
    place = patch.obj(560, 404, "f")
    more = patch.obj(620, 404, "+ 1")
    patch.wire(order, place)
    wrap = patch.obj(560, 432, "mod 1")
    patch.wire(order, wrap, 1, 1)
    patch.chain(place, more, wrap)
    patch.wire(wrap, place, 0, 1)
    line = patch.obj(560, 460, "text get $0-take")
    timed = patch.obj(560, 488, "list append 46")
    patch.wire(ms, timed, 0, 1)
    named = patch.obj(560, 516, "list prepend latents")
    patch.chain(wrap, line, timed, named, patch.obj(720, 516, "list trim"), out)
    return patch


def latent_morph() -> Patch:
    """Keeps two moments of sound, and plays what lies between them."""
    patch = Patch(860, 640, shown=(20, 80, 330, 76))
    patch.text(
        20,
        12,
        "latent-morph: keeps two moments of [nn~ model forward], plays what lies between.",
        110,
    )
    patch.text(20, 36, WIRING, 110)
    patch.panel(20, 80, 329, 75)
    inlet = patch.obj(20, 200, "inlet")
    out = patch.obj(420, 600, "outlet")
    keep = [patch.bang(30, 90, 20, "keep_A"), patch.bang(130, 90, 20, "keep_B")]
    live = patch.bang(230, 90, 20, "live")
    slider = patch.slider(30, 126, 0, 1, value=0, label="A-B", length=240)
    patch.chain(live, patch.msg(740, 90, "latents"), out)

    # The answer to `latent get` comes before the gate closes.
    ask = patch.msg(420, 176, "latent get")
    gate = patch.obj(20, 256, "spigot")
    side_of = patch.obj(20, 284, "list prepend 0")
    for i, button in enumerate(keep):
        x = 420 + 160 * i
        order = patch.obj(x, 90, "t b b b b")
        patch.wire(button, order)
        for outlet, value, target, inlet_number in (
            (3, str(i), side_of, 1),
            (2, "1", gate, 1),
            (0, "0", gate, 1),
        ):
            box = patch.msg(x + 40 * outlet, 132, value)
            patch.wire(order, box, outlet)
            patch.wire(box, target, 0, inlet_number)
        patch.wire(order, ask, 1)
    patch.wire(ask, out)
    heard = patch.obj(20, 228, "route latents")
    sides = patch.obj(20, 312, "route 0 1")
    patch.chain(inlet, heard, gate, side_of, sides)
    size = patch.obj(160, 284, "list length")
    patch.wire(gate, size)
    for i, name in enumerate("ab"):
        patch.wire(sides, patch.obj(20 + 180 * i, 340, f"array set $0-{name}"), i)
        patch.obj(20 + 180 * i, 400, f"array define $0-{name} {MOST}")

    # For every latent a + (b - a) * mix, strung together into one message.
    order = patch.obj(420, 230, "t b b b b f")
    patch.wire(slider, order)
    count, zero, empty = (
        patch.obj(470, 262, "f 0"),
        patch.msg(530, 262, "0"),
        patch.msg(580, 262, "list"),
    )
    for outlet, target in enumerate((count, zero, empty), 1):
        patch.wire(order, target, outlet)
    patch.wire(size, count, 0, 1)
    index, plus = patch.obj(470, 322, "f"), patch.obj(530, 322, "+ 1")
    patch.chain(count, patch.obj(470, 292, "until"), index, plus)
    patch.wire(plus, index, 0, 1)
    patch.wire(zero, index, 0, 1)
    both = patch.obj(470, 350, "t f f")
    patch.wire(index, both)
    mixed = patch.obj(470, 412, "expr $f1 + ($f2 - $f1) * $f3")
    for i, name in enumerate("ab"):
        read = patch.obj(470 + 150 * i, 380, f"tabread $0-{name}")
        patch.wire(both, read, i)
        patch.wire(read, mixed, 0, i)
    patch.wire(order, mixed, 4, 2)
    joined, copies = patch.obj(470, 444, "list prepend"), patch.obj(470, 472, "t l l")
    whole = patch.obj(420, 510, "list append")
    patch.chain(mixed, joined, copies)
    for outlet, target in enumerate((joined, whole)):
        patch.wire(copies, target, outlet, 1)
        patch.wire(empty, target, 0, 1)
    patch.wire(order, whole)
    timed, named = (
        patch.obj(420, 538, "list append 60"),
        patch.obj(420, 566, "list prepend latents"),
    )
    patch.chain(whole, timed, named, patch.obj(600, 566, "list trim"), out)
    return patch


def encode_manipulate_decode() -> Patch:
    """The latents of a model as one cable of signals, with a place to do something to them."""
    patch = Patch(760, 420)
    patch.text(
        20,
        12,
        "encode-manipulate-decode~ MODEL: the latents pass as one cable (needs Pd 0.54).",
        100,
    )
    patch.text(
        20,
        52,
        "Copy it, and put what you like in between. The right outlet: what decode reports.",
        100,
    )
    sound = patch.obj(20, 100, "inlet~")
    scale, shift = patch.obj(320, 100, "inlet"), patch.obj(500, 100, "inlet")
    patch.text(320, 124, "scale (1)")
    patch.text(500, 124, "shift (0)")
    encode = patch.obj(20, 150, "nn~ -m $1 encode")
    times = patch.obj(20, 220, "*~")
    plus = patch.obj(20, 250, "+~")
    decode = patch.obj(20, 320, "nn~ -m $1 decode")
    patch.chain(sound, encode, times, plus, decode)
    for inlet, value, target, x in ((scale, "1", times, 320), (shift, "0", plus, 500)):
        smooth = patch.obj(x, 190, "pack f 50")
        line = patch.obj(x, 218, "line~")
        patch.chain(inlet, smooth, line)
        patch.wire(line, target, 0, 1)
        start = patch.obj(x, 148, "loadbang")
        patch.chain(start, patch.msg(x + 90, 148, value), smooth)
    patch.chain(decode, patch.obj(20, 370, "outlet~"))
    patch.wire(decode, patch.obj(320, 370, "outlet"), 1)
    return patch


ALL = {
    "latent-mixer": latent_mixer,
    "latent-recorder": latent_recorder,
    "latent-morph": latent_morph,
    "encode-manipulate-decode~": encode_manipulate_decode,
}
