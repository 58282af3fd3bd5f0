"""nn~-help.pd itself: sound after one click, and the way to all other windows."""

import windows_to_play as play
import windows_to_read as read
from patching import Patch
from sounds import begin, end


def first_window(table: list[tuple[str, str, str]]) -> Patch:
    """The whole help patch. `table`: of messages, with their arguments and what they do."""
    page = Patch(900, 640)
    page.title(
        "nn~", "plays a neural audio model live: sound into sound, into latents, or out of latents"
    )
    # No [switch~] here: that would switch the other windows as well.
    sound = begin(page, 20, 84, switched=False)
    page.text(20, 246, "2 - the model answers", 26)
    model = page.obj(20, 312, "nn~ tabla forward", 34)
    page.wire(sound, model)
    page.wire(page.obj(120, 276, "r $0-nn"), model)
    end(page, 20, 400, model)
    page.text(20, 346, "4 - the right outlet reports", 30)
    page.wire(model, page.obj(252, 346, "print nn~"), 1)

    page.text(300, 84, "3 - bend it: a latent, by hand")
    bend = page.slider(300, 112, -4, 4, value=0, label="latent_0", length=190, receive="$0-rest")
    page.chain(
        page.obj(470, 138, "loadbang"), page.msg(470, 164, "set 0"), page.obj(470, 190, "s $0-rest")
    )
    page.chain(bend, page.msg(300, 138, "latent bias 0 $1 50"), page.obj(300, 164, "s $0-nn"))
    page.column(
        360,
        228,
        [
            ("latent freeze 1", "the moment stays"),
            ("latent freeze 0", ""),
            ("bypass 1", "what goes in"),
            ("bypass 0", ""),
            ("dump", "report everything"),
        ],
        "$0-nn",
        122,
        18,
    )

    page.panel(628, 76, 256, 540)
    page.text(638, 82, "more: click a box")
    windows = [
        ("arguments", read.arguments(), "what stands in the box"),
        ("messages", read.messages(table), "all of them"),
        ("latents-by-hand", play.latents_by_hand(), "sliders, ramps, freezing"),
        ("between-two-sounds", play.between_two_sounds(), "interpolate, record"),
        ("latents-as-signals", play.latents_as_signals(), "encode and decode"),
        ("attributes", read.attributes(), "set, get, arrays"),
        ("multichannel", play.multichannel(), "-m"),
        ("swapping-live", play.swapping_live(), "load without a gap"),
        ("latency-and-statistics", play.latency_and_statistics(), "how late, how busy"),
        ("models-from-the-network", read.models_from_the_network(), "download"),
        ("when-it-does-not-work", read.when_it_does_not_work(), "first aid"),
    ]
    for i, (name, window, says) in enumerate(windows):
        page.sub(642, 112 + 45 * i, name, window)
        page.text(652, 133 + 45 * i, says)
    page.text(
        20,
        510,
        """For your own patches, in the folder abstractions: latent-mixer (a desk of sliders),
        latent-morph (between two moments), latent-recorder (phrases of latents), and
        encode-manipulate-decode~ (latents as one cable).""",
        82,
    )
    page.text(20, 590, "tabla.ts, which sounds here, lies in the folder models beside the object.")
    return page
