"""The tabs of nn~.maxhelp. Each plays by itself, and is silent until its own click."""

from patchers import latent_mixer, latent_recorder, latent_sliders
from patching import Patcher
from said import EXAMPLES, LATENT_MOVES, SWAPS, figures
from sounds import begin, end, report

WIDTH, HEIGHT = 920, 680

ATTRIBUTE_NOTE = """A value is in force from the next block on, and stays so when the model is
reloaded, reset or computed elsewhere. What a model refuses is said once in Max's console."""


def basic() -> Patcher:
    """Sound after two clicks."""
    page = Patcher(WIDTH, HEIGHT, tab=True)
    page.title("nn~", "plays a neural audio model live: sound into sound, and latents in between")
    sound = begin(page, 20, 84)
    model = page.obj(20, 250, "nn~ tabla forward", 150)
    page.wire(sound, model)
    page.wire(page.obj(110, 214, "r timbrel-basic"), model)
    end(page, 20, 310, model)
    report(page, 200, 290, model)
    page.text(200, 316, "reports", 70)
    page.text(260, 84, "3  bend it: a latent, by hand")
    bend = page.slider(260, 110, -4, 4)
    page.chain(
        bend, page.msg(260, 140, "latent bias 0 $1 50"), page.obj(260, 172, "s timbrel-basic")
    )
    page.column(
        620,
        84,
        [
            ("latent freeze 1", "the moment stays"),
            ("latent freeze 0", ""),
            ("bypass 1", "what goes in"),
            ("bypass 0", ""),
            ("dump", "report everything"),
        ],
        "timbrel-basic",
        130,
        150,
    )
    page.panel(14, 462, WIDTH - 28, 206)
    page.rows(
        24,
        470,
        [
            (
                "nn~ tabla",
                "a model: the name of a .ts file, with or without .ts. Looked for in the "
                "package's folder models, then in the patch's folder, then in Max's search path.",
            ),
            (
                "nn~ tabla encode",
                "a method: forward if none is given. An inlet and an outlet per "
                "channel of the method, and the right outlet, which reports.",
            ),
            (
                "nn~ tabla forward 4096",
                "a buffer: how many samples are computed at once, rounded up "
                "to what the model can do; the smallest possible from 2048 on if none is given; 0: "
                "inside the audio callback.",
            ),
            (
                "nn~ void 1 2 4096",
                "no model yet: inlets, outlets and, if you like, a buffer. The "
                "message load brings a model.",
            ),
        ],
        170,
        700,
    )
    return page


def latents() -> Patcher:
    """Messages for the latents of forward, and what stands in for hands."""
    page = Patcher(WIDTH + 180, HEIGHT + 110, tab=True)
    page.title(
        "latents",
        """forward goes through a few numbers per moment, the latents. Messages move them, and cost
        no second object and no latency.""",
    )
    sound = begin(page, 20, 84)
    model = page.obj(20, 300, "nn~ tabla", 150)
    page.wire(sound, model)
    page.wire(page.obj(110, 264, "r timbrel-latents"), model)
    page.wire(model, page.obj(110, 336, "s timbrel-said"), 1)
    end(page, 20, 390, model)
    tools = (
        (220, 84, "3  a slider for every latent", "timbrel.latent-sliders", latent_sliders()),
        (220, 372, "a desk: added, multiplied", "timbrel.latent-mixer", latent_mixer()),
        (
            660,
            540,
            "record, then play: the phrase goes round",
            "timbrel.latent-recorder",
            latent_recorder(),
        ),
    )
    for x, y, says, file, inside in tools:
        page.text(x, y, says)
        tool = page.bpatcher(x, y + 28, file, inside)
        if page.boxes[tool]["numinlets"]:
            page.wire(page.obj(x + 290, y - 2, "r timbrel-said"), tool)
        page.wire(tool, page.obj(x, y + 34 + inside.height, "s timbrel-latents"))
    page.panel(650, 76, 430, 440)
    page.text(660, 82, "all at once, and one by one", fontface=1)
    page.column(660, 110, LATENT_MOVES, "timbrel-latents", 190, 200)
    return page


def multichannel() -> Patcher:
    """Latents as signals on one cord, and several examples at once."""
    page = Patcher(WIDTH, HEIGHT, tab=True)
    page.title("multichannel", "one cord for many channels: three objects, three ways to see them")
    sound = begin(page, 20, 84)
    encode = page.obj(20, 190, "mcs.nn~ tabla encode 1")
    moved = page.obj(20, 250, "mc.+~")
    decode = page.obj(20, 300, "mcs.nn~ tabla decode 1")
    page.chain(sound, encode, moved, decode)
    end(page, 20, 350, decode)
    page.text(220, 84, "3  a signal added to all latents: a slow wave, another in each")
    wave = page.obj(220, 112, "mc.cycle~ 0.2 @chans 16")
    depth = page.obj(220, 150, "mc.*~ 0.")
    page.wire(wave, depth)
    page.wire(page.slider(420, 114, 0, 4), depth, 0, 1)
    page.wire(depth, moved, 0, 1, turns=[180, 205, 236])
    page.rows(
        220,
        200,
        [
            ("nn~", "an inlet and an outlet per channel of the model, one sound."),
            (
                "mc.nn~",
                "the same inlets; each cord carries one channel of many examples, which play "
                "at once and share the weights. As many as the widest cord that comes in.",
            ),
            (
                "mcs.nn~",
                "the other way round: an inlet and an outlet per example, the model's "
                "channels in the cord. Here encode gives 16 latents in one cord.",
            ),
            ("@chans", "the width of the outgoing cords, where it shall be another one."),
        ],
        80,
        580,
    )
    page.text(220, 372, "two examples, played at once by one object:")
    pair = page.obj(220, 400, "mc.cycle~ 200 @chans 2")
    both = page.obj(220, 440, "mc.nn~ tabla forward")
    mixed = page.obj(220, 480, "mc.mixdown~ 2")
    heard = page.ui(220, 520, "mc.ezdac~", 45, 45)
    page.chain(pair, both, mixed, heard)
    page.text(
        400,
        440,
        """The number of examples is fixed for a stream: when another cord makes it another one, the
        object begins anew with the next switching on of the audio, with all that it was told.""",
        490,
    )
    return page


def attributes() -> Patcher:
    """The object's own, and those that a model has."""
    page = Patcher(WIDTH, HEIGHT, tab=True)
    page.title("attributes", "those of the object, in the inspector as well; and those of a model")
    sound = begin(page, 20, 84)
    model = page.obj(20, 400, "nn~ tabla @enable 1", 150)
    page.wire(sound, model)
    page.wire(page.obj(70, 358, "r timbrel-set"), model)
    end(page, 20, 450, model)
    report(page, 220, 440, model)
    names = (
        "enable bypass method buffer slack resample offline gpu device precision track_buffers"
    ).split()
    page.text(200, 84, "3  of the object")
    fields = [page.attribute(200, 108 + 26 * i, name, 220) for i, name in enumerate(names)]
    for field in fields:
        page.wire(field, model, turns=[page.below(field, 2), 194, 396])
    page.text(480, 84, "of a model; tabla has none, get_attributes tells yours")
    page.column(
        480,
        110,
        [
            ("get_attributes", "their names leave by the right outlet"),
            ("get NAME", "a value, likewise: attribute NAME VALUES"),
            ("set NAME 0.5", "as many values as it has: numbers, words, 0 or 1"),
            ("set NAME array u9", "the numbers of an array (Max 9), for a tensor"),
            ("set NAME wavetable", "the buffer~ of this name, see the tab buffers"),
        ],
        "timbrel-set",
        180,
        240,
    )
    page.text(480, 330, ATTRIBUTE_NOTE, 400)
    return page


def buffers() -> Patcher:
    """A model's attribute that is a buffer~."""
    page = Patcher(WIDTH, HEIGHT, tab=True)
    page.title("buffers", "a model can ask for a buffer~: an attribute of the type buffer")
    sound = begin(page, 20, 84)
    model = page.obj(20, 400, "nn~ void 1 1", 110)
    page.wire(sound, model)
    page.wire(page.obj(110, 366, "r timbrel-buffers"), model)
    end(page, 20, 450, model)
    page.obj(220, 84, "buffer~ wavetable 1000")
    page.text(400, 86, "what the model will read", 200)
    page.column(
        220,
        130,
        [
            ("load MODEL", "a model with such an attribute; timbrel script makes one from PyTorch"),
            (
                "set NAME wavetable",
                "all channels of the buffer~ go to the model with what it holds "
                "now, and with its sample rate",
            ),
            ("track_buffers 1", "from now on again each time that its content changes"),
            ("track_buffers 0", ""),
            ("get NAME", "the name of the buffer~ that is in use"),
        ],
        "timbrel-buffers",
        170,
        460,
    )
    page.text(
        220,
        400,
        """An empty buffer~, or none of that name: the word goes to the model as a word, which says
        that it is no buffer. Large ones are copied: the main thread waits for that, the audio does
        not.""",
        600,
    )
    return page


def swapping() -> Patcher:
    """Another model, method or buffer while it sounds."""
    page = Patcher(WIDTH, HEIGHT, tab=True)
    page.title(
        "swapping",
        "a model is loaded and warmed up while the other plays, then one fades into the other",
    )
    sound = begin(page, 20, 84)
    model = page.obj(20, 440, "nn~ tabla", 120)
    page.wire(sound, model)
    page.wire(page.obj(110, 404, "r timbrel-swapping"), model)
    end(page, 20, 490, model)
    page.text(240, 84, "3  while it sounds", fontface=1)
    page.column(240, 110, SWAPS, "timbrel-swapping", 280, 360)
    page.text(240, 500, "the right outlet says what is heard, and what could not be:")
    said = page.obj(240, 526, "route loaded error")
    page.wire(model, said, 1)
    page.wire(said, page.obj(240, 560, "print loaded"))
    page.wire(said, page.obj(350, 560, "print refused"), 1)
    return page


def statistics() -> Patcher:
    """What the object reports of itself."""
    page = Patcher(WIDTH + 60, HEIGHT, tab=True)
    page.title(
        "statistics",
        "the sound is late by a number of samples that the object tells, and that stays the same",
    )
    sound = begin(page, 20, 84)
    model = page.obj(20, 300, "nn~ tabla", 120)
    page.wire(sound, model)
    page.text(170, 84, "ask every second")
    clock = page.toggle(170, 108)
    page.chain(clock, page.obj(170, 144, "metro 1000"), page.msg(170, 176, "stats"), model)
    fields = ["blocks", "late", "skipped", "failed", "nonfinite", "swaps", "load"]
    names = ["latency", *fields, "inference"]
    split = page.obj(230, 340, f"route {' '.join(names)}", 720)
    page.wire(model, split, 1)
    for i, name in enumerate(fields, 1):
        x = page.end(split, i, below=True)[0] - 9.5
        page.wire(split, page.number(x, 420, fraction=name == "load"), i)
        page.text(x, 444, name)
    groups = ((0, 230, ["samples", "ms"]), (len(names) - 1, 690, ["median", "p99", "longest"]))
    for outlet, x, values in groups:
        parts = page.obj(x, 520, "unpack" + " f" * len(values), 90 * len(values) - 60)
        page.wire(split, parts, outlet, turns=[500])
        page.text(x + 20, 474, names[outlet], fontface=1)
        for i, value in enumerate(values):
            at = page.end(parts, i, below=True)[0] - 9.5
            page.wire(parts, page.number(at, 556, fraction=True), i)
            page.text(at, 580, value)
    end(page, 20, 350, model)
    page.rows(340, 84, figures("Max"), 90, 530)
    return page


def messages(table: list[tuple[str, str, str]]) -> Patcher:
    """Every message, ready to be clicked."""
    page = Patcher(1240, 760, tab=True)
    page.title("messages", "all of them: a click sends one to the nn~ of this tab")
    sound = begin(page, 20, 84)
    model = page.obj(20, 250, "nn~ tabla", 120)
    page.wire(sound, model)
    page.wire(page.obj(100, 210, "r timbrel-messages"), model)
    report(page, 120, 290, model)
    end(page, 20, 330, model)
    x, y = 240.0, 84.0
    sent: list[int] = []
    for name, takes, does in table:
        examples = EXAMPLES.get(name) or OWN[name]
        says = f"{takes} - {does}" if takes and len(takes) < 20 else does
        text = page.text(x + 160, y, says, 320)
        if page.below(text, 4) > 730 or y + 25 * len(examples) > 730:
            page.boxes.pop()
            _send(page, x, y, sent)
            x, y, sent = x + 500, 84.0, []
            text = page.text(x + 160, y, says, 320)
        sent += [page.msg(x, y + 25 * i, example) for i, example in enumerate(examples)]
        y = max(page.below(text, 4), y + 25 * len(examples))
    _send(page, x, y, sent)
    return page


def _send(page: Patcher, x: float, y: float, boxes: list[int]) -> None:
    to = page.obj(x, y + 2, "s timbrel-messages")
    page.gather(boxes, to)


# What only the objects for Max understand, beside the engine's table.
OWN = {
    "print_available_models": ["print_available_models"],
    "download": ["download NAME"],
    "delete": ["delete NAME"],
}


def trouble() -> Patcher:
    """First aid."""
    page = Patcher(WIDTH, HEIGHT, tab=True)
    page.title("trouble", "Max's console says in red what is wrong and what to do")
    page.rows(20, 84, FIRST_AID, 190, 680)
    return page


FIRST_AID = [
    (
        "the box has no inlets",
        "the model was not found, or is none. The console says where it was "
        "looked for: put it beside your patch, or into the package's folder models.",
    ),
    (
        "no sound",
        "is the audio on, and is there sound at the left inlet? Does bang report loaded 1 "
        "and enabled 1? decode needs latents, the other methods need sound.",
    ),
    ("sound after a while", "that is the latency. The message latency tells it in ms."),
    (
        "holes in the sound",
        "stats tells how many blocks were late. Take a larger buffer, a smaller "
        "model, fewer objects, or another machine. load should stay below 0.7.",
    ),
    (
        "it sounds transposed",
        "the model was made for another sample rate, which is said when it is "
        "loaded. resample 1 converts. Or run Max at that rate.",
    ),
    (
        "the latency is too long",
        "take a smaller buffer and less slack, try buffer 512 and slack 5, "
        "as long as late stays 0. Models that look ahead have a delay of their own besides.",
    ),
    (
        "another libtorch is loaded",
        "another external has brought one. Only one can run: start Max again without the other.",
    ),
    (
        "a model of another version",
        "the line names the version that the file was made with: update "
        "this package, or export the model anew.",
    ),
    (
        "too few or many outlets",
        "they are made with the box, and load keeps them. Type the box "
        "again, or use mc.nn~ or mcs.nn~.",
    ),
    (
        "rendering offline",
        "with the NonRealTime driver the object waits for every block, and two "
        "runs are the same to the bit. Where Max renders by other means, set @offline 1.",
    ),
]
