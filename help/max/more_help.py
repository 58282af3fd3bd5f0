"""Help patches of the other objects."""

from patching import Patcher
from sounds import begin, end
from tabs import HEIGHT, WIDTH


def of_mc() -> dict[str, Patcher]:
    """mc.nn~: examples side by side."""
    page = Patcher(WIDTH, HEIGHT, tab=True)
    page.title("mc.nn~", "many sounds through one model at once: a channel of the cord per sound")
    voices = page.obj(20, 120, "mc.cycle~ 150 @chans 4")
    page.text(170, 91, "1  four voices; each cord of the model carries four examples")
    page.wire(page.msg(40, 90, "deviate 100 400"), voices)
    encode = page.obj(90, 180, "mc.nn~ tabla encode", 200)
    moved = page.obj(20, 230, "mc.+~")
    decode = page.obj(90, 280, "mc.nn~ tabla decode", 200)
    page.chain(voices, encode, moved, decode)
    for i in range(1, 16):
        page.wire(encode, decode, i, i)
    page.text(340, 180, "2  an inlet and an outlet per channel of the model: 16 latents here", 520)
    page.text(470, 206, "a value added to the first latent of all examples")
    shift = page.slider(310, 206, -4, 4)
    page.wire(shift, moved, 0, 1)
    mixed = page.obj(20, 330, "mc.mixdown~ 2")
    quiet = page.obj(20, 364, "mc.*~ 0.3")
    page.chain(decode, mixed, quiet, page.ui(20, 400, "mc.ezdac~", 45, 45))
    page.text(80, 412, "3  audio on")
    page.panel(14, 470, WIDTH - 28, 196)
    page.rows(
        24,
        478,
        [
            (
                "examples",
                "as many as the widest cord that comes in; where another cord is narrower, "
                "what is missing is silence. The weights are in memory once.",
            ),
            (
                "@chans N",
                "the outgoing cords have N channels: more than examples are silent, fewer "
                "leave some out.",
            ),
            ("latency", "one block computes all examples, which takes longer: watch stats."),
            ("a single cord", "of an ordinary object counts as one channel."),
        ],
        130,
        730,
    )
    return {"basic": page}


def of_mcs() -> dict[str, Patcher]:
    """mcs.nn~: the model's channels in one cord."""
    page = Patcher(WIDTH, HEIGHT, tab=True)
    page.title("mcs.nn~", "the model's channels in one cord: an inlet and an outlet per example")
    sound = begin(page, 20, 84)
    other = page.obj(180, 144, "cycle~ 220")
    encode = page.obj(20, 210, "mcs.nn~ tabla encode 2", 180)
    page.wire(sound, encode)
    page.wire(other, encode, 0, 1)
    page.text(300, 84, "2  two examples: two inlets, two outlets, 16 latents in each cord")
    apart = page.obj(300, 260, "mc.unpack~ 16", 240)
    page.wire(encode, apart, 1)
    page.text(640, 330, "the latents of the second example one by one", 260)
    values = [page.number(300 + 66 * i, 366, fraction=True) for i in range(4)]
    page.text(300, 236, "3  look at them")
    clock = page.toggle(600, 236)
    ticks = page.obj(600, 270, "metro 100")
    page.wire(clock, ticks)
    for i, value in enumerate(values):
        look = page.obj(300 + 80 * i, 330, "snapshot~")
        page.wire(apart, look, i)
        page.wire(ticks, look)
        page.wire(look, value)
    decode = page.obj(20, 320, "mcs.nn~ tabla decode 2", 180)
    page.chain(encode, decode)
    page.wire(encode, decode, 1, 1)
    end(page, 20, 380, decode)
    page.panel(14, 516, WIDTH - 28, 150)
    page.rows(
        24,
        524,
        [
            ("mcs.nn~ tabla encode 2", "model, method, examples and, if you like, a buffer."),
            ("mcs.nn~ void 2", "no model yet, two examples."),
            (
                "the cords",
                "carry the model's channels in the model's order; a cord that has fewer is "
                "silent in the rest. The pointer over an inlet or outlet names them.",
            ),
        ],
        190,
        680,
    )
    return {"basic": page}


def of_info() -> dict[str, Patcher]:
    """nn.info: what a model offers."""
    page = Patcher(WIDTH, HEIGHT, tab=True)
    page.title("nn.info", "tells what a model offers, without playing it")
    info = page.obj(20, 330, "nn.info tabla", 420)
    page.wire(page.obj(20, 296, "r timbrel-info"), info)
    said = ["path", "methods", "attributes", "parameters", "dictionary", "models"]
    for i, name in enumerate(said):
        x = 20 + 145 * i
        page.wire(info, page.obj(x, 400, f"print {name}"), i)
        page.text(x, 424, name, fontface=1)
    shown = page.ui(20, 456, "dict.view", 400, 200)
    page.wire(info, shown, 4, turns=[390, 290, 450])
    page.text(
        440,
        462,
        "the dictionary of the model: every method with channels, ratios, latency "
        "and labels, every attribute with its types",
        300,
    )
    page.column(
        20,
        84,
        [
            ("bang", "everything, from right to left"),
            ("set tabla", "another model"),
            ("path", ""),
            ("methods", "one message per method"),
            ("attributes", "one per attribute"),
            ("parameters encode", "channels, ratios and latency of a method"),
        ],
        "timbrel-info",
        150,
        240,
    )
    page.column(
        460,
        84,
        [
            ("dump_dict", "the name of the dictionary"),
            ("get_available_models", "those in the folder models, and those that the index lists"),
            ("download NAME", "whole and with the right checksum, or not at all"),
            ("download NAME MINE", "the same under another name"),
            ("delete NAME", "from the folder models"),
        ],
        "timbrel-info",
        190,
        240,
    )
    page.text(
        440,
        520,
        """The index is a file on any web server, as the program sha256sum writes it beside the
        models. Its address stands in the first line of models/index.url, or in the variable
        TIMBREL_MODEL_INDEX. The program curl fetches.""",
        440,
    )
    return {"basic": page}
