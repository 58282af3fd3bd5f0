"""Renders what a plan says: one input after the other, each whole or not at all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from timbrel.data.atomic import new_file
from timbrel.engine import Method, Model, Stream
from timbrel.errors import UserError
from timbrel.rendering.plan import Existing, Job, Plan, make_plan
from timbrel.rendering.play import Player, fitted
from timbrel.rendering.settings import Settings
from timbrel.rendering.sinks import LatentSink, Sink, SoundSink
from timbrel.rendering.sources import (
    Audio,
    LatentSource,
    SoundSource,
    Source,
    UnusableError,
    converted,
)


@dataclass(frozen=True)
class Rendered:
    """One output that was written.

    Attributes:
        name: of the input.
        target: the file.
        seconds: of the input.
        form: what was written, in words.
        notes: what a user should know about it.
    """

    name: str
    target: Path
    seconds: float
    form: str
    notes: list[str]


@dataclass(frozen=True)
class Skipped:
    """One input that could not be rendered, and why."""

    name: str
    reason: str


@dataclass
class Outcome:
    """What came of a rendering; it grows while one is under way.

    Attributes:
        planned: how many inputs there are to render.
        rendered: outputs that were written.
        skipped: inputs that could not be rendered.
        kept: outputs that were there already.
    """

    planned: int = 0
    rendered: list[Rendered] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)


Progress = Callable[[str, float, float], None]
"""Told an input's name, and how much of all of them is done: seconds, and of how many."""


def render(
    model: Model,
    inputs: list[Path],
    out: Path,
    settings: Settings,
    *,
    existing: Existing = Existing.REFUSE,
    progress: Progress = lambda name, done, total: None,
    outcome: Outcome | None = None,
) -> Outcome:
    """Files and folders through a method of a model.

    Args:
        model: an opened one.
        inputs: files, and folders whose files are looked for at any depth.
        out: a folder; with a single file as input also a file.
        settings: how.
        existing: what to do about outputs that are there already.
        progress: told how far it is.
        outcome: filled while the rendering goes on, for who wants to know where it was interrupted.

    Returns:
        What was written and what was not; an input that cannot be used does not stop the others.

    Raises:
        UserError: nothing can be rendered like this, or the output cannot be written.
    """
    outcome = outcome if outcome is not None else Outcome()
    method = _method(model, settings)
    plan = make_plan(
        inputs,
        out,
        from_latents=method.in_ratio > 1,
        to_latents=method.out_ratio > 1,
        format=settings.format,
        existing=existing,
    )
    outcome.planned, outcome.kept = len(plan.jobs), plan.kept
    worker = _Rendering(model, method, settings, plan)
    lengths = [worker.seconds(job) for job in plan.jobs]
    total, before = sum(lengths), 0.0
    for job, length in zip(plan.jobs, lengths, strict=True):

        def played(seconds: float, name: str = job.name, before: float = before) -> None:
            progress(name, before + seconds, total)

        played(0.0)
        try:
            outcome.rendered.append(worker.render(job, played))
        except UnusableError as error:
            outcome.skipped.append(Skipped(job.name, str(error)))
        played(length)
        before += length
    return outcome


def _method(model: Model, settings: Settings) -> Method:
    method = model.methods.get(settings.method)
    if method is None:
        raise UserError(
            f"no method '{settings.method}' in {model.name} (it has: {', '.join(model.methods)})"
        )
    if method.out_ratio > 1 and settings.rate is not None:
        raise UserError(f"{method.name} gives latents, which have no --rate")
    if method.in_ratio > 1 and method.out_ratio == 1 and not (model.sample_rate or settings.rate):
        raise UserError(f"{model.name} does not say its sample rate; give it as --rate")
    return method


class _Rendering:
    """What all inputs of one rendering have in common."""

    def __init__(self, model: Model, method: Method, settings: Settings, plan: Plan) -> None:
        self._model = model
        self._method = method
        self._settings = settings
        self._format = plan.format
        # A model that does not say its rate plays at that of what it is given.
        self._model_rate = round(model.sample_rate) or None

    def seconds(self, job: Job) -> float:
        """How long an input is, by its header; 0 where that cannot be read."""
        try:
            with self._open(job) as source:
                return source.expected / source.rate
        except UnusableError:
            return 0.0

    def render(self, job: Job, played: Callable[[float], None]) -> Rendered:
        """Make one output.

        Raises:
            UnusableError: the input cannot be rendered; nothing was written.
        """
        with self._open(job) as source:
            stream = self._stream(source.examples)
            rate = self._model_rate or source.rate
            player = Player(stream, rate, align=self._settings.align)
            job.target.parent.mkdir(parents=True, exist_ok=True)
            with new_file(job.target) as partial:
                with self._sink(partial, job, source, rate) as sink:
                    for chunk in self._played(source, player, rate, played):
                        sink.write(chunk)
                if not source.samples:
                    raise UnusableError("holds nothing (0 frames)")
        notes = [*source.notes]
        if silenced := stream.stats.non_finite:
            notes.append(f"the model gave {silenced} samples that are not numbers; they became 0")
        if sink.clipped:
            notes.append(f"{sink.clipped} samples clipped; --format float would keep them")
        form = sink.form if rate == source.rate else f"{sink.form} (input at {source.rate} Hz)"
        return Rendered(job.name, job.target, source.samples / source.rate, form, notes)

    def _stream(self, examples: int) -> Stream:
        # A new one for each input: nothing of the input before can be left in it.
        try:
            stream = Stream(self._model, self._method.name, self._settings.buffer, examples)
        except UserError as error:  # a model may take one example, but not two
            raise UnusableError(str(error)) from error
        if self._settings.seed is not None:
            stream.send("seed", self._settings.seed)
            stream.settle()
        return stream

    def _open(self, job: Job) -> Source:
        method = self._method
        try:
            if method.in_ratio == 1:
                return SoundSource(job.source, method.in_channels)
            rate = self._model_rate or self._settings.rate or 1
            return LatentSource(job.source, method.in_channels, method.in_ratio, rate)
        except OSError as error:
            raise UnusableError(error.strerror or str(error)) from error

    def _sink(self, partial: Path, job: Job, source: Source, rate: int) -> Sink:
        method = self._method
        if method.out_ratio > 1:
            return LatentSink(partial, source.examples, method.out_channels)
        to = self._settings.rate or rate
        channels = source.examples * method.out_channels
        expected = source.expected * to // source.rate
        return SoundSink(partial, job.target, to, channels, self._format, expected)

    def _played(
        self, source: Source, player: Player, rate: int, played: Callable[[float], None]
    ) -> Iterator[Audio]:
        chunks = player.play(_reported(source, source.chunks(rate), played))
        if self._method.out_ratio > 1:
            yield from chunks
            return
        to = self._settings.rate or rate
        if to != rate:
            chunks = converted(chunks, rate, to)

        def length() -> int | None:
            if not source.finished:
                return None
            # As long as the input: what two conversions round twice is rounded once.
            return _scaled(source.samples, to, source.rate) + _scaled(player.frames_added, to, rate)

        yield from fitted(chunks, length)


def _reported(
    source: Source, chunks: Iterator[Audio], played: Callable[[float], None]
) -> Iterator[Audio]:
    for chunk in chunks:
        yield chunk
        # The caller comes back when the chunk has been played.
        played(source.samples / source.rate)


def _scaled(count: int, to: int, of: int) -> int:
    return (2 * count * to + of) // (2 * of)
