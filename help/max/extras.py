"""extras/: an overview, and twenty minutes that show whether all of it works on a machine."""

from patchers import latent_mixer
from patching import Patcher
from sounds import begin, end, report


def overview() -> Patcher:
    """What there is, and where to begin."""
    page = Patcher(860, 620)
    page.title("Timbrel", "neural instruments, played live")
    sound = begin(page, 20, 84)
    model = page.obj(20, 210, "nn~ tabla forward", 150)
    page.wire(sound, model)
    end(page, 20, 250, model)
    page.rows(
        300,
        84,
        [
            ("nn~", "a model, one sound. Its help patch begins with everything else."),
            ("mc.nn~", "many sounds at once, one per channel of a cord."),
            ("mcs.nn~", "the model's channels in one cord."),
            ("nn.info", "what a model offers; download of models."),
            ("timbrel.latent-mixer", "bpatcher: a desk for 16 latents."),
            ("timbrel.latent-sliders", "bpatcher: a slider for every latent."),
            ("timbrel.latent-recorder", "bpatcher: phrases of latents."),
            ("Timbrel Acceptance", "in this menu: twenty minutes that show whether it works here."),
        ],
        180,
        360,
    )
    objects = [
        page.obj(20 + 190 * i, 440, text)
        for i, text in enumerate(("nn~ void", "mc.nn~ void", "mcs.nn~ void", "nn.info"))
    ]
    page.text(20, 410, f"the {len(objects)} objects: right click, Open Help")
    page.text(
        20,
        490,
        """Models are files with the suffix .ts, from Timbrel or from any other program that writes
        them for nn~. Put them beside your patch, or into the folder models of this package. Train
        your own: timbrel preprocess, timbrel train, timbrel export.""",
        800,
    )
    return page


# What to do, and what is expected.
STEPS = [
    (
        "Open this patch from the menu Extras.",
        "No red line in Max's console. All boxes have inlets "
        "and outlets; the console says nothing of a library that could not be opened.",
    ),
    (
        "Open the inspector of nn~ (select it, Ctrl-I or Cmd-I).",
        "Categories Playing, Model and Device; method is forward, buffer 2048.",
    ),
    (
        "Point at the left inlet, at the left and at the right outlet.",
        "Words appear: the label of "
        "the input with 'messages', the label of the output, '(anything) reports'.",
    ),
    (
        "Audio on (loudspeaker), strokes on, turn up.",
        "After a short time the sound of the model, "
        "following the strokes. No click when it begins.",
    ),
    (
        "Click latency, compare with the console.",
        "At 44.1 kHz and a signal vector of 64: 4144 "
        "samples, 93.97 ms. The parts add up to the first number.",
    ),
    (
        "Options, Audio Status: signal vector 16, then 512, then 64, while it sounds.",
        "Each time a "
        "short pause of Max, no noise. latency tells other numbers and is right each time.",
    ),
    (
        "Click load tabla ten times, quickly.",
        "The sound goes on; at most one crossfade is heard. "
        "stats: late does not grow by more than 2.",
    ),
    ("Click load nowhere.", "The sound goes on. One red line that says where was looked."),
    ("Click latent freeze 1, then latent freeze 0.", "The moment stays, and is let go."),
    ("Move the desk of sliders.", "The timbre follows without a click."),
    (
        "Click buffer 0, buffer 512, buffer 2048.",
        "buffer 512 is rounded up to 2048, which is said. "
        "With 0 the sound is late by the model's own 112 samples only; it may crackle.",
    ),
    (
        "Options: switch Overdrive and Scheduler in Audio Interrupt on. Switch the metro on, "
        "wait half a minute.",
        "Nothing changes in the sound; stats: late stays.",
    ),
    (
        "Delete the nn~ while it sounds. Undo.",
        "Max does not wait, the sound stops; after undo it is back.",
    ),
    (
        "Preferences, Mixer: crossfade on, latency 50 ms. Draw and delete a cord while it sounds.",
        "No crash, no noise. Tell us how it sounds: Max may play the object twice meanwhile.",
    ),
    (
        "Copy the nn~ eight times and connect all.",
        "Each copy is there at once. Memory grows by much "
        "less than eight times the size of the model's file.",
    ),
    (
        "Open the help of mc.nn~: audio on, change the 4 of @chans to 8.",
        "More voices, after the object began anew; no crash.",
    ),
    (
        "Open the help of nn.info, click bang.",
        "The dictionary shows encode, decode and forward with their channels.",
    ),
    (
        "Audio driver NonRealTime; record ten seconds twice with the same strokes (Options, Audio "
        "Status; then record to disk).",
        "Faster than real time or slower, as the machine can; stats: "
        "late 0. Both files are the same.",
    ),
    (
        "Save this patch under another name, close it, open it again.",
        "As before: the attributes of the object were saved.",
    ),
    (
        "Make an app of a patch with nn~ (File, Build Application) and start it.",
        "It plays. Where it "
        "says that the engine is not there: copy the package's folder support into the app.",
    ),
    ("Quit Max while it sounds.", "It ends at once, and no report of a crash appears."),
]


def acceptance() -> Patcher:
    """Steps with what is expected of each, beside what they are tried on."""
    page = Patcher(1500, 1090)
    page.title(
        "Timbrel: twenty minutes",
        "tick what is as expected; what is not, send us with the "
        "lines of Max's console and what dump says",
    )
    sound = begin(page, 20, 84)
    model = page.obj(20, 330, "nn~ tabla forward", 150)
    page.wire(sound, model)
    page.wire(page.obj(60, 250, "r timbrel-acceptance"), model)
    report(page, 200, 370, model)
    end(page, 20, 400, model)
    clicks = (
        "latency",
        "stats",
        "dump",
        "load tabla",
        "load nowhere",
        "latent freeze 1",
        "latent freeze 0",
        "buffer 0",
        "buffer 512",
        "buffer 2048",
    )
    page.column(220, 84, [(text, "") for text in clicks], "timbrel-acceptance", 0, 0)
    metro = page.toggle(20, 540)
    page.text(50, 542, "the metro of step 12")
    page.chain(metro, page.obj(20, 572, "metro 5"), page.obj(20, 604, "random 4"))
    number = len(page.boxes) - 1
    page.chain(
        number, page.msg(20, 636, "latent bias 1 $1 20"), page.obj(20, 668, "s timbrel-acceptance")
    )
    desk = page.bpatcher(10, 706, "timbrel.latent-mixer", latent_mixer())
    page.wire(desk, page.obj(10, 1044, "s timbrel-acceptance"))
    x, y = 450.0, 84.0
    for i, (do, expected) in enumerate(STEPS, 1):
        if i == len(STEPS) // 2 + 1:
            x, y = 980.0, 84.0
        page.toggle(x, y, 20)
        text = page.text(x + 28, y, f"{i}. {do}", 480, fontface=1)
        text = page.text(x + 28, page.below(text, 0), expected, 480)
        y = page.below(text, 10)
    return page


ALL = {"Timbrel Overview": overview, "Timbrel Acceptance": acceptance}
