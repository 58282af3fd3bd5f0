"""The sound that the tabs play into a model, and how it is heard."""

from patching import Patcher


def strokes() -> Patcher:
    """A drum: a sine for its skin, noise for the finger, four strokes and more a second."""
    patch = Patcher(460, 330)
    patch.text(150, 16, "a drum: a sine for its skin, noise for the finger")
    on = patch.ui(20, 16, "inlet", 25, 25)
    metro = patch.obj(20, 52, "metro 230")
    order = patch.obj(20, 84, "t b b b")
    patch.chain(on, metro, order)
    chosen = [patch.obj(220, 116 + 30 * i, t) for i, t in enumerate(("random 5", "+ 1", "* 85"))]
    pitch = patch.obj(220, 206, "cycle~ 200")
    patch.wire(order, chosen[0], 2)
    patch.chain(*chosen, pitch)
    line, swing = patch.obj(20, 176, "line~"), patch.obj(20, 208, "*~")
    skin, out = patch.obj(20, 240, "*~"), patch.ui(20, 282, "outlet", 25, 25)
    patch.chain(order, patch.msg(20, 146, "0.8 1 0 170"), line, swing, skin, out)
    patch.wire(line, swing, 0, 1)
    patch.wire(pitch, skin, 0, 1)
    press = patch.msg(120, 146, "0.5 1 0 25")
    patch.wire(order, press, 1)
    finger = patch.obj(120, 208, "*~")
    patch.chain(press, patch.obj(120, 176, "line~"), finger)
    patch.wire(patch.obj(330, 170, "noise~"), finger, 0, 1, turns=[202])
    patch.wire(finger, out)
    return patch


def begin(page: Patcher, x: float, y: float) -> int:
    """The click that a tab begins with: strokes. Their signal."""
    page.text(x, y, "1  switch on: strokes")
    click = page.toggle(x, y + 24)
    sound = page.sub(x, y + 60, "strokes", strokes())
    page.wire(click, sound)
    return sound


def end(page: Patcher, x: float, y: float, source: int, outlet: int = 0) -> int:
    """From a signal to the loudspeakers. Where it ends."""
    level = page.ui(x, y, "gain~", 140, 22, orientation=1)
    limit = page.obj(x, y + 34, "clip~ -1. 1.")
    speakers = page.ui(x, y + 68, "ezdac~", 45, 45)
    page.text(x + 52, y + 72, "2  audio on, then turn up", 130)
    page.wire(source, level, outlet)
    page.chain(level, limit, speakers)
    page.wire(limit, speakers, 0, 1)
    return page.below(speakers)


def report(page: Patcher, x: float, y: float, source: int, outlet: int = 1) -> int:
    """Prints what the right outlet says."""
    shown = page.obj(x, y, "print nn~")
    page.wire(source, shown, outlet)
    return shown
