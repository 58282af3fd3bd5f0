"""The windows of nn~-help.pd. Each plays by itself, and is silent until its own click."""

from patching import Patch
from sounds import begin, end

# An example for every message of the engine's table, which says what each does.
EXAMPLES = {
    "load": ["load tabla"],
    "reload": ["reload"],
    "method": ["method forward"],
    "buffer": ["buffer 4096", "buffer 0"],
    "bufsize": ["bufsize 2048"],
    "slack": ["slack 20", "slack"],
    "enable": ["enable 0", "enable 1"],
    "bypass": ["bypass 1", "bypass 0"],
    "set": ["set brightness 0.5"],
    "get": ["get brightness"],
    "latents": ["latents"],
    "latent": ["latent bias 0 1 200", "latent freeze 1", "latent freeze 0", "latent get"],
    "gpu": ["gpu 1", "gpu 0"],
    "device": ["device cpu"],
    "precision": ["precision float32"],
    "resample": ["resample 1", "resample 0"],
    "reset": ["reset"],
    "seed": ["seed 1", "seed"],
    "get_methods": ["get_methods"],
    "get_attributes": ["get_attributes"],
    "bang": ["bang"],
    "stats": ["stats"],
    "latency": ["latency"],
    "dump": ["dump"],
    # Pd's own, and those that Pd knows more of than the engine.
    "offline": ["offline 1", "offline auto"],
    "print_available_models": ["print_available_models"],
    "download": ["download NAME"],
    "remove": ["remove NAME"],
    "help": ["help"],
}


def arguments() -> Patch:
    page = Patch(820, 560)
    page.title("arguments", "what stands in the box")
    rows = [
        (
            "nn~ tabla",
            "a model: the name of a .ts file, with or without .ts. It is looked for in the folder models beside the object, then in the patch's folder, then in Pd's search path.",
        ),
        (
            "nn~ tabla encode",
            "a method: forward if none is given. forward turns sound into sound, encode sound into latents, decode latents into sound. There is an inlet and an outlet per channel of the method; the right outlet reports.",
        ),
        (
            "nn~ tabla forward 4096",
            "a buffer: how many samples are computed at once, rounded up to what the model can do. If none is given: the smallest possible from 2048 on. 0: inside Pd's own call, for small models and for rendering; a large one would interrupt the sound.",
        ),
        (
            "nn~ -m tabla encode",
            "-m: one inlet and one outlet, whose cables carry the channels (Pd 0.54 and later).",
        ),
        ("nn~ -gpu tabla", "-gpu or -g: compute on the graphics processor, where there is one."),
        ("nn~ -d tabla", "-d: begin disabled, until the message enable 1."),
        (
            "nn~ void 1 2 4096",
            "no model yet: inlets, outlets and, if you like, a buffer. The message load brings one. nn~ alone has one inlet and one outlet.",
        ),
    ]
    y = 84
    for box, says in rows:
        page.text(20, y, f"[{box}]", 28)
        page.text(240, y, says, 78)
        y += 20 + 18 * (1 + len(says) // 78)
    return page


def messages(table: list[tuple[str, str, str]]) -> Patch:
    """Every message, ready to be clicked; they go to the object of the first window."""
    page = Patch(1180, 800)
    page.title(
        "messages",
        "all of them; a click sends one to the nn~ of the first window. Capitals stand for what you choose.",
    )
    to = page.obj(20, 770, "s $0-nn")
    x, y = 20, 84
    for name, takes, does in table:
        size = max(22 * len(EXAMPLES[name]), 18 * (1 + (len(does) + len(name)) // 52)) + 8
        if y + size > 764:
            x, y = x + 590, 84
        for i, example in enumerate(EXAMPLES[name]):
            page.wire(page.msg(x, y + 22 * i, example), to)
        form = f"{name} {takes}: {does}" if len(takes) < 12 else does
        page.text(x + 186, y, form, 54)
        y += size
    return page


def latents_by_hand() -> Patch:
    page = Patch(1040, 740)
    page.title(
        "latents by hand",
        "forward goes through the latents, a few numbers per moment. Messages move them: no second object, no more latency.",
    )
    sound = begin(page, 20, 80)
    model = page.obj(20, 480, "nn~ tabla", 60)
    page.wire(sound, model)
    end(page, 20, 520, model)
    page.text(180, 80, "2 - a desk: a slider adds to its latent (+) or multiplies it (x)")
    desk = page.obj(180, 106, "abstractions/latent-mixer")
    page.wire(desk, model)

    page.panel(650, 76, 370, 560)
    page.text(660, 82, "3 - all at once")
    x, y = 660, 110
    for example, says in (
        ("latent bias all 1 500", "added, over 500 ms"),
        ("latent bias all 0 500", ""),
        ("latent scale all 2 50", "wilder"),
        ("latent scale all 1 50", ""),
        ("latent noise all 0.7", "wandering"),
        ("latent noise all 0", ""),
        ("latent freeze 1", "what is there stays"),
        ("latent freeze 0", ""),
        ("latent set 0 2 100", "one latent, by hand"),
        ("latent release all 100", "the sound's again"),
        ("latents", "all the sound's again"),
    ):
        page.wire(page.msg(x, y, example), model)
        page.text(x + 190, y, says)
        y += 26
    page.text(
        660,
        y + 8,
        "4 - a slow wave through latent 0: any number that moves, from a sequencer, MIDI or a sensor, does it like that",
        48,
    )
    wave = page.toggle(660, y + 54, 24)
    steps = [
        page.obj(660, y + 84 + 26 * i, text)
        for i, text in enumerate(("metro 50", "snapshot~", "* 2"))
    ]
    page.wire(page.obj(760, y + 84, "osc~ 0.3"), steps[1])
    say = page.msg(660, y + 162, "latent bias 0 $1 50")
    page.chain(wave, *steps, say, model)

    page.text(20, 650, "what leaves the latents, 'latent get':")
    page.wire(page.msg(300, 650, "latent get"), model)
    shown = page.obj(400, 650, "route latents")
    page.wire(model, shown, 1)
    page.wire(shown, page.obj(520, 650, "print latents"))
    return page


def sounds_between() -> Patch:
    page = Patch(860, 560)
    page.title(
        "between two sounds",
        "two moments are kept as latents, and everything between them is played; or whole phrases are recorded as latents.",
    )
    sound = begin(page, 20, 80)
    model = page.obj(20, 400, "nn~ tabla", 50)
    page.wire(sound, model)
    end(page, 20, 440, model)
    page.text(
        200,
        80,
        "2 - keep A in one stroke, B in another, and move the slider; live: the strokes again",
    )
    page.text(
        200,
        220,
        "3 - record for a while, then play: the latents of the phrase go round, with their own step",
    )
    for y, name in ((106, "latent-morph"), (246, "latent-recorder")):
        box = page.obj(200, y, f"abstractions/{name}")
        page.wire(box, model)
        page.wire(model, box, 1)
    return page


def latents_as_signals() -> Patch:
    page = Patch(940, 520)
    page.title(
        "latents as signals",
        "encode and decode apart: every latent is a signal, which holds each value until the next. Two objects, twice the latency.",
    )
    sound = begin(page, 20, 80)
    encode = page.obj(20, 260, "nn~ tabla encode", 110)
    decode = page.obj(20, 360, "nn~ tabla decode", 110)
    page.wire(sound, encode)
    for i in range(16):
        if i:
            page.wire(encode, decode, i, i)
    shifted = page.obj(20, 310, "+~")
    page.chain(encode, shifted, decode)
    wave = page.obj(300, 120, "osc~ 0.2")
    depth = page.obj(300, 146, "*~")
    page.chain(wave, depth)
    slider = page.slider(420, 120, 0, 4, value=0, label="how_much")
    page.wire(slider, depth, 0, 1)
    page.wire(depth, shifted, 0, 1)
    page.text(300, 84, "2 - a signal added to the first latent: here a slow wave")
    end(page, 20, 410, decode)
    page.text(300, 410, "To play latents without encode, send any signals into decode.", 70)
    return page


def attributes() -> Patch:
    page = Patch(820, 480)
    page.title(
        "attributes",
        "what a model lets you set. This one has none; get_attributes tells those of yours.",
    )
    model = page.obj(20, 300, "nn~ -d tabla", 30)
    reports = page.obj(20, 400, "print nn~")
    page.wire(model, reports, 1)
    y = 84
    for example, says in (
        ("get_attributes", "their names leave by the right outlet"),
        ("get NAME", "a value, likewise: attribute NAME VALUES"),
        ("set NAME 0.5", "as many values as the attribute has: numbers, words, 0 or 1"),
        (
            "set NAME wavetable",
            "an array of this name goes to the model with its content, at Pd's rate; send it again when the array has changed",
        ),
    ):
        page.wire(page.msg(20, y, example), model)
        page.text(220, y, says, 76)
        y += 30 if len(says) < 76 else 46
    page.text(
        20,
        330,
        "A set takes effect with the next block that is computed. It stays in force when the model is reloaded, reset, or computed elsewhere. What a model refuses is said once, in red and by the right outlet: error LINE.",
        106,
    )
    page.obj(600, 250, "table wavetable 512")
    return page


def multichannel() -> Patch:
    page = Patch(820, 520)
    page.title(
        "multichannel",
        "with -m, a cable carries all channels (Pd 0.54 and later; an older one says so and makes inlets instead)",
    )
    sound = begin(page, 20, 80)
    encode = page.obj(20, 260, "nn~ -m tabla encode")
    count = page.obj(260, 260, "snake~ out 16")
    page.chain(sound, encode)
    decode = page.obj(20, 360, "nn~ -m tabla decode")
    page.wire(encode, decode)
    page.wire(encode, count)
    end(page, 20, 410, decode)
    page.text(420, 260, "single latents of the cable, with Pd's own snake~", 50)
    page.text(
        300,
        360,
        "The channels of a cable are the model's. A cable with fewer is used again from its first channel on. load and method change the outgoing cable to what the new method gives.",
        66,
    )
    page.text(300, 110, "2 - the same in one object: abstractions/encode-manipulate-decode~", 70)
    page.text(300, 134, "(open it, copy it, and put your own idea between encode and decode)", 70)
    return page


def swapping_live() -> Patch:
    page = Patch(860, 620)
    page.title(
        "swapping live",
        "a model is loaded and warmed up while the other plays; then they are crossfaded. Nothing stops.",
    )
    sound = begin(page, 20, 80)
    model = page.obj(20, 430, "nn~ tabla", 40)
    page.wire(sound, model)
    end(page, 20, 480, model)
    y = 84
    for example, says in (
        (
            "load tabla",
            "another model: its name, as in the box. Inlets and outlets stay as they are: what it has more is silent, and is said",
        ),
        ("reload", "the same file again, after you have exported it anew"),
        ("method forward", "another method of the model"),
        ("buffer 4096", "another size of block; latency tells what that costs"),
        ("buffer 2048", ""),
        (
            "load tabla, method forward, buffer 8192",
            "what follows a load is meant for the model that it brings",
        ),
        ("enable 0", "silence, without a click; the model rests"),
        ("enable 1", ""),
        ("bypass 1", "what goes in, as late as what comes out"),
        ("bypass 0", ""),
    ):
        page.wire(page.msg(200, y, example), model)
        page.text(500, y, says, 46)
        y += 26 if len(says) < 46 else 26 + 18 * (len(says) // 46)
    page.text(200, 470, "When a model is heard, the right outlet says so:")
    said = page.obj(200, 496, "route loaded error")
    page.wire(model, said, 1)
    page.wire(said, page.obj(200, 526, "print loaded"))
    page.wire(said, page.obj(320, 526, "print refused"), 1)
    return page


def latency_and_statistics() -> Patch:
    page = Patch(900, 560)
    page.title(
        "latency and statistics",
        "the sound is late by a number of samples that never changes while you play, and that the object tells",
    )
    sound = begin(page, 20, 80)
    model = page.obj(20, 300, "nn~ tabla", 40)
    page.wire(sound, model)
    end(page, 20, 440, model)
    clock = page.toggle(200, 106, 24, "ask_every_second")
    ask = page.obj(200, 138, "metro 1000")
    page.chain(clock, ask, page.msg(200, 166, "stats"), model)
    fields = [
        ("latency", ["samples", "ms"]),
        ("inference", ["median_ms", "p99_ms", "longest_ms"]),
        ("load", ["load"]),
        ("blocks", ["blocks"]),
        ("late", ["late"]),
        ("skipped", ["skipped"]),
        ("failed", ["failed"]),
        ("nonfinite", ["nonfinite"]),
        ("swaps", ["swaps"]),
    ]
    split = page.obj(240, 330, "route " + " ".join(name for name, _ in fields), 84)
    page.wire(model, split, 1)
    for i, (_, values) in enumerate(fields):
        x = 240 + 72 * i
        if len(values) == 1:
            page.wire(split, page.number(x, 366 + 26 * (i % 3), 7, values[0]), i)
            continue
        parts = page.obj(x if i == 0 else 300, 366 + 84 * i, "unpack" + " f" * len(values))
        page.wire(split, parts, i)
        for j, value in enumerate(values):
            page.wire(parts, page.number((240, 300)[i] + 10 + 110 * j, 396 + 84 * i, 8, value), j)
    page.text(
        400,
        84,
        "A block of samples is collected, computed by another thread while Pd goes on, and then played. So the sound is late by the buffer, less what buffer and vector share, plus the time that the computation is given, a buffer again unless slack says otherwise, plus the model's own delay.",
        66,
    )
    page.text(
        400,
        180,
        "late: a block was not ready. The sound fades and comes back without a click; a latent holds. load near 1: the model is too large for this machine, or the buffer too small.",
        66,
    )
    page.text(
        400,
        250,
        "skipped: two blocks waited, the older one was never computed. failed: the model raised an error. nonfinite: samples that were no numbers, and became 0.",
        66,
    )
    return page


def models_from_the_network() -> Patch:
    page = Patch(820, 420)
    page.title(
        "models from the network",
        "brought into the folder models beside the object: whole and with the right checksum, or not at all",
    )
    model = page.obj(20, 260, "nn~ void")
    page.wire(model, page.obj(20, 300, "print nn~"), 1)
    for i, (example, says) in enumerate(
        (
            ("print_available_models", "what the index lists"),
            ("download NAME", "then [nn~ NAME] or load NAME plays it"),
            ("download NAME MINE", "the same under another name"),
            ("remove NAME", "from the folder of models"),
        )
    ):
        page.wire(page.msg(20, 90 + 36 * i, example), model)
        page.text(240, 90 + 36 * i, says, 70)
    page.text(
        20,
        340,
        "The index is a file on any web server, as the program sha256sum writes it beside the models. Its address stands in the first line of models/index.url, or in the variable TIMBREL_MODEL_INDEX. Downloads are made by the program curl.",
        106,
    )
    return page


def when_it_does_not_work() -> Patch:
    page = Patch(900, 640)
    page.title(
        "when it does not work",
        "the console says in red what is wrong and what to do; the same line leaves by the right outlet as error LINE",
    )
    y = 84
    for symptom, remedy in (
        (
            "the box is dashed",
            "the model was not found, or is no model; the console says where it was looked for. Put it beside your patch or into the folder models.",
        ),
        (
            "no sound",
            "is DSP on? Is there sound at the left inlet? bang tells loaded 1 and enabled 1? A latent model in forward needs sound; decode needs latents.",
        ),
        (
            "silence for a moment, then sound",
            "that is the latency; the message latency tells it in ms.",
        ),
        (
            "fades and holes",
            "stats: late counts. Take a larger buffer, a smaller model, fewer objects, or another machine. load should stay below 0.7.",
        ),
        (
            "it sounds transposed",
            "the model was made for another sample rate, which is said at load: resample 1 converts, or run Pd at that rate.",
        ),
        (
            "latency is too long",
            "a smaller buffer, and less slack: try 'buffer 512, slack 5' while late stays 0. Models that look ahead have a delay of their own.",
        ),
        (
            "another libtorch is loaded",
            "another external has brought one. Only one of them can run; start Pd again without the other.",
        ),
        (
            "a model of a newer version",
            "the line names the version it was made with: update this package, or export the model again.",
        ),
        (
            "the wrong number of outlets",
            "they are made when the box is; load does not change them. Type the box again, or use -m.",
        ),
        (
            "rendering with pd -batch",
            "works: the object waits for every block, and two runs are the same to the bit. Elsewhere: offline 1.",
        ),
    ):
        page.text(20, y, symptom, 30)
        page.text(250, y, remedy, 86)
        y += 22 + 18 * (1 + len(remedy) // 86)
    return page


def first_page(table: list[tuple[str, str, str]]) -> Patch:
    page = Patch(900, 640)
    page.title(
        "nn~",
        "plays a neural audio model live: sound into sound, sound into latents, latents into sound",
    )
    # This window has no [switch~]: that would switch its subpatches as well.
    sound = begin(page, 20, 84, switched=False)
    page.text(20, 214, "2 - the model answers with a sound of its own")
    model = page.obj(20, 300, "nn~ tabla forward", 34)
    page.wire(sound, model)
    page.wire(page.obj(190, 240, "r $0-nn"), model)
    end(page, 20, 420, model)
    page.text(300, 84, "3 - bend it: one of its latents, by hand")
    bend = page.slider(300, 112, -4, 4, value=0, label="latent_0", length=200)
    page.chain(bend, page.msg(300, 138, "latent bias 0 $1 50"), page.obj(300, 166, "s $0-nn"))
    for i, example in enumerate(
        ("bypass 1", "bypass 0", "latent freeze 1", "latent freeze 0", "bang", "latency")
    ):
        page.wire(page.msg(300 + 130 * (i % 2), 200 + 28 * (i // 2), example), model)
    page.text(20, 344, "4 - the right outlet reports: a selector and its values")
    page.wire(model, page.obj(300, 372, "print nn~"), 1)

    page.panel(600, 76, 284, 480)
    page.text(610, 82, "more: click a box")
    windows = [
        ("arguments", arguments(), "what stands in the box"),
        ("messages", messages(table), "all of them"),
        ("latents-by-hand", latents_by_hand(), "sliders, ramps, freezing"),
        ("between-two-sounds", sounds_between(), "interpolate, record"),
        ("latents-as-signals", latents_as_signals(), "encode and decode"),
        ("attributes", attributes(), "set, get, arrays"),
        ("multichannel", multichannel(), "-m"),
        ("swapping-live", swapping_live(), "load without a gap"),
        ("latency-and-statistics", latency_and_statistics(), "how late, how busy"),
        ("models-from-the-network", models_from_the_network(), "download"),
        ("when-it-does-not-work", when_it_does_not_work(), "first aid"),
    ]
    for i, (name, window, says) in enumerate(windows):
        page.sub(616, 108 + 40 * i, name, window)
        page.text(626, 128 + 40 * i, says)
    page.text(
        20,
        540,
        "Abstractions for your own patches are in the folder abstractions beside this one: latent-mixer, latent-morph, latent-recorder, encode-manipulate-decode~.",
        78,
    )
    page.text(
        20, 600, "tabla.ts, which sounds here, lies in the folder models beside the object.", 80
    )
    return page
