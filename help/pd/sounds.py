"""The sounds that the help patches play into a model, and how a page is switched on and heard."""

from patching import Patch


def strokes() -> Patch:
    """A drum: a sine for its skin, noise for the finger, four strokes and more a second."""
    patch = Patch(520, 310)
    patch.text(120, 46, "a drum: a sine for its skin, noise for the finger")
    on, metro = patch.obj(24, 16, "inlet"), patch.obj(24, 44, "metro 230")
    order = patch.obj(24, 72, "t b b b")
    patch.chain(on, metro, order)
    pitch = patch.obj(180, 188, "osc~ 200")
    chosen = [
        patch.obj(180, 104 + 28 * i, text) for i, text in enumerate(("random 5", "+ 1", "* 85"))
    ]
    patch.wire(order, chosen[0], 2)
    patch.chain(*chosen, pitch)
    skin = patch.obj(24, 220, "*~")
    swing = patch.obj(24, 188, "*~")
    line = patch.obj(24, 160, "vline~")
    patch.chain(order, patch.msg(24, 132, "0.8 1, 0 170 1"), line, swing, skin)
    patch.wire(line, swing, 0, 1)
    patch.wire(pitch, skin, 0, 1)
    finger = patch.obj(290, 188, "*~")
    press = patch.msg(290, 132, "0.5 1, 0 25 1")
    patch.wire(order, press, 1)
    patch.chain(press, patch.obj(290, 160, "vline~"), finger)
    patch.wire(patch.obj(380, 160, "noise~"), finger, 0, 1)
    out = patch.obj(24, 262, "outlet~")
    patch.wire(skin, out)
    patch.wire(finger, out)
    return patch


def click(patch: Patch, x: int, y: int, switched: bool = True) -> int:
    """What a page begins with: audio on, this window on. Its first outlet has the click.

    Windows are `switched` off until then, so that the models of those that are closed rest.
    """
    patch.text(x, y, "1 - click to hear")
    toggle = patch.toggle(x, y + 26, 32)
    order = patch.obj(x, y + 70, "t f f b")
    audio = patch.msg(x + 60, y + 24, "; pd dsp 1")
    patch.wire(toggle, order)
    patch.wire(order, audio, 2)
    if switched:
        patch.wire(order, patch.obj(x + 80, y + 98, "switch~"), 1)
    return order


def begin(patch: Patch, x: int, y: int, switched: bool = True) -> int:
    """The same, and strokes with it. Their signal."""
    order = click(patch, x, y, switched)
    sound = patch.sub(x, y + 100, "strokes", strokes())
    patch.wire(order, sound)
    return sound


def end(
    patch: Patch, x: int, y: int, source: int, outlet: int = 0, right: int | None = None
) -> None:
    """From one signal or two to the loudspeakers, with a slider for the level."""
    speakers = patch.obj(x, y + 56, "dac~")
    # Beside one, or above what leads to the second.
    aside, above = (80, -2) if right is None else (180, 26)
    loudness = patch.slider(x + aside, y - above, 0, 1, value=0.5, sends=True, label="level")
    for side, taken in enumerate([outlet] if right is None else [outlet, right]):
        level = patch.obj(x + 90 * side, y, "*~ 0.5")
        limit = patch.obj(x + 90 * side, y + 28, "clip~ -1 1")
        patch.wire(source, level, taken)
        patch.wire(loudness, level, 0, 1)
        patch.chain(level, limit)
        for speaker in [0, 1] if right is None else [side]:
            patch.wire(limit, speakers, 0, speaker)
