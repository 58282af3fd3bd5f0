"""Windows of nn~-help.pd that explain; what plays is in windows_to_play."""

from patching import Patch
from said import EXAMPLES as SAID

# Pd's own beside those of the engine.
EXAMPLES = SAID | {
    "print_available_models": ["print_available_models"],
    "download": ["download NAME"],
    "remove": ["remove NAME"],
    "help": ["help"],
}

ARGUMENTS = [
    (
        "[nn~ tabla]",
        """a model: the name of a .ts file, with or without .ts. It is looked for in the folder
        models beside the object, then in the patch's folder, then in Pd's search path.""",
    ),
    (
        "[nn~ tabla encode]",
        """a method: forward if none is given. forward turns sound into sound, encode sound into
        latents, decode latents into sound. There is an inlet and an outlet per channel of the
        method, and the right outlet, which reports.""",
    ),
    (
        "[nn~ tabla forward 4096]",
        """a buffer: how many samples are computed at once, rounded up to what the model can do. If
        none is given: the smallest possible from 2048 on. 0: inside Pd's own call, for small models
        and for rendering. A large one would interrupt the sound.""",
    ),
    (
        "[nn~ -m tabla encode]",
        "-m: one inlet and one outlet, whose cables carry the channels (Pd 0.54 and later).",
    ),
    ("[nn~ -gpu tabla]", "-gpu or -g: compute on the graphics processor, where there is one."),
    ("[nn~ -d tabla]", "-d: begin disabled, until the message enable 1 comes."),
    (
        "[nn~ void 1 2 4096]",
        """no model yet: inlets, outlets and, if you like, a buffer. The message load brings a
        model. [nn~] alone has one inlet and one outlet.""",
    ),
]

FIRST_AID = [
    (
        "the box is dashed",
        """the model was not found, or is none. The console says where it was looked for: put it
        beside your patch, or into the folder models.""",
    ),
    (
        "no sound",
        """is DSP on, and is there sound at the left inlet? Does bang report loaded 1 and enabled 1?
        decode needs latents, the other methods need sound.""",
    ),
    ("sound after a while", "that is the latency. The message latency tells it in ms."),
    (
        "holes in the sound",
        """stats tells how many blocks were late. Take a larger buffer, a smaller model, fewer
        objects, or another machine. load should stay below 0.7.""",
    ),
    (
        "it sounds transposed",
        """the model was made for another sample rate, which is said when it is loaded. resample 1
        converts. Or run Pd at that rate.""",
    ),
    (
        "the latency is too long",
        """take a smaller buffer and less slack, try buffer 512 and slack 5, as long as no block is
        late. Models that look ahead have a delay of their own besides.""",
    ),
    (
        "another libtorch is loaded",
        "another external has brought one. Only one can run: start Pd again without the other.",
    ),
    (
        "a model of another version",
        """the line names the version that the file was made with: update this package, or export
        the model anew.""",
    ),
    (
        "too few or many outlets",
        "they are made with the box, and load keeps them. Type the box again, or use -m.",
    ),
    (
        "rendering with pd -batch",
        """the object waits for every block, and two runs are the same to the bit. Send offline
        1 where Pd renders by other means.""",
    ),
]


def arguments() -> Patch:
    """What stands in the box."""
    page = Patch(860, 470)
    page.title("arguments", "what stands in the box")
    page.rows(20, 84, ARGUMENTS, 220, 84)
    return page


def messages(table: list[tuple[str, str, str]]) -> Patch:
    """Every message, ready to be clicked; they go to the object of the first window."""
    page = Patch(1260, 800)
    page.title("messages", "all of them: a click sends one to the nn~ of the first window")
    width = 56
    x, y = 20, 84
    column: list[int] = []
    for name, takes, does in table:
        examples = EXAMPLES[name]
        said = f"{takes} - {does}" if takes and len(takes) < 20 else does
        size = max(23 * len(examples), 15 * (1 + (len(said) - 1) // (width - 3)) + 4) + 8
        if y + size > 760:
            to_first_window(page, x, 764, column)
            x, y, column = x + 620, 84, []
        column += [page.msg(x, y + 23 * i, example) for i, example in enumerate(examples)]
        page.text(x + 186, y, said, width)
        y += size
    to_first_window(page, x, y + 4, column)
    return page


def to_first_window(page: Patch, x: int, y: int, boxes: list[int]) -> None:
    """What leads from messages to the object that plays there."""
    to = page.obj(x, y, "s $0-nn")
    for box in boxes:
        page.wire(box, to)


def attributes() -> Patch:
    """Values that a model lets a patch set."""
    page = Patch(860, 470)
    page.title(
        "attributes", "what a model lets you set; tabla has none, get_attributes tells yours"
    )
    page.column(
        20,
        84,
        [
            ("get_attributes", "their names leave by the right outlet"),
            ("get NAME", "a value, likewise: attribute NAME VALUES"),
            ("set NAME 0.5", "as many values as it has: numbers, words, 0 or 1"),
            (
                "set NAME wavetable",
                """the array of this name goes to the model with what it holds now; send it again
                when it has changed""",
            ),
        ],
        "$0-set",
        190,
        76,
    )
    model = page.obj(20, 290, "nn~ -d tabla", 30)
    page.wire(page.obj(20, 260, "r $0-set"), model)
    page.wire(model, page.obj(220, 324, "print nn~"), 1)
    page.obj(400, 290, "table wavetable 512")
    page.text(
        20,
        370,
        """A value is in force from the next block on, and stays so when the model is reloaded,
        reset or computed elsewhere. What a model refuses is said once, in red and by the right
        outlet: error LINE.""",
        112,
    )
    return page


def models_from_the_network() -> Patch:
    """Downloads."""
    page = Patch(860, 420)
    page.title(
        "models from the network",
        "they come into the folder models: whole and with the right checksum, or not at all",
    )
    page.column(
        20,
        84,
        [
            ("print_available_models", "what the index lists"),
            ("download NAME", "then [nn~ NAME] or load NAME plays it"),
            ("download NAME MINE", "the same under another name"),
            ("remove NAME", "from the folder of models"),
        ],
        "$0-models",
        220,
        70,
    )
    model = page.obj(20, 270, "nn~ void", 20)
    page.wire(page.obj(20, 242, "r $0-models"), model)
    page.wire(model, page.obj(156, 302, "print nn~"), 1)
    page.text(
        20,
        344,
        """The index is a file on any web server, as the program sha256sum writes it beside the
        models. Its address stands in the first line of models/index.url, or in the variable
        TIMBREL_MODEL_INDEX. The program curl fetches.""",
        112,
    )
    return page


def when_it_does_not_work() -> Patch:
    """First aid."""
    page = Patch(860, 530)
    page.title(
        "when it does not work",
        "the console says in red what is wrong and what to do; the right outlet says it, too",
    )
    page.rows(20, 84, FIRST_AID, 230, 82)
    return page
