"""What a run's validations mean, in plain words; functions of its history alone."""

from collections.abc import Sequence

from timbrel.training.config import PlateauConfig, TrainingConfig
from timbrel.training.validation import Validation

#: An own-to-other ratio above this is posterior collapse: a working run has about 0.5.
COLLAPSE = 0.9
#: A level this far below the sound's is silence.
SILENCE_DB = -40.0
#: Of 2: a discriminator with less doubt than this is sure, and has nothing more to teach.
SURE = 0.05
#: How much worse than its best the distance on held-out sound may become.
OVERFITTING = 1.1
#: An alarm rings when something was so at this many validations in a row,
IN_A_ROW = 3
#: but not before a stage's networks had this many steps to leave the state they began in.
GRACE = 200


def plateaued(history: Sequence[Validation], config: PlateauConfig) -> bool:
    """Whether stage 1 has stopped improving, by its validations."""
    best, since = float("inf"), 0
    for validation in history:
        if validation.stage != 1:
            continue
        if validation.distance < best * (1 - config.least):
            best, since = validation.distance, 0
        else:
            since += 1
    return since >= config.patience


def alarms(history: Sequence[Validation], training: TrainingConfig) -> list[str]:
    """What is wrong at the last of a run's validations, each with what to do about it."""
    recent = history[-IN_A_ROW:]
    if len(recent) < IN_A_ROW or recent[0].step < GRACE:
        return []
    found = []
    if all(v.level_db < SILENCE_DB for v in recent):
        found.append(
            f"silent output: {recent[-1].level_db:.0f} dB below the sound; is the dataset mostly "
            "silence (timbrel doctor), or the learning rate too high?"
        )
    if all(v.own_to_other > COLLAPSE for v in recent):
        found.append(
            f"posterior collapse: the output hardly depends on the input, {IN_A_ROW} validations "
            f"in a row; lower the pull to the prior: --set training.loss.beta="
            f"{training.loss.beta / 10:g}, in a new run"
        )
    if all(v.doubt is not None and v.doubt < SURE for v in recent):
        found.append(
            "the discriminator has won: it is never wrong, and the decoder learns nothing more "
            "from it; let it learn less often: --set training.adversarial.discriminator_every="
            f"{2 * training.adversarial.discriminator_every}, or end here"
        )
    if _overfits(history, recent):
        found.append(
            "overfitting: held-out sound is drifting away while learned sound still gets closer; "
            "end here, or use more sound and more augmentation (training.augmentation)"
        )
    return found


def _overfits(history: Sequence[Validation], recent: Sequence[Validation]) -> bool:
    stage = [v for v in history if v.stage == recent[-1].stage]
    if len(stage) <= IN_A_ROW:
        return False
    best = min(stage, key=lambda v: v.distance)
    return all(
        v.step > best.step
        and v.distance > OVERFITTING * best.distance
        and v.distance_training < best.distance_training
        for v in recent
    )


def ways_on(step: int, training: TrainingConfig) -> str:
    """What to do about a stage 1 that has stopped improving."""
    if training.adversarial.steps:
        first = f"go on to stage 2 now: --set training.steps={step}"
    else:
        first = "add stage 2, on a GPU: --set training.adversarial.steps=N"
    return (
        f"stage 1 has stopped improving: 3 ways on. (1) {first}. (2) Learn finer: repeat the run "
        f"with --set training.final_learning_rate={training.learning_rate / 10:g}. (3) Give it "
        "more to learn: more or more varied sound, or a larger model.capacity in a new run"
    )


def forecast(history: Sequence[Validation]) -> str:
    """Where the distance is going, from the last five validations of the stage."""
    stage = [v for v in history if v.stage == history[-1].stage][-5:]
    if len(stage) < 2:
        return "too early to tell where it is going"
    first, last = stage[0], stage[-1]
    change = 100 * (last.distance / first.distance - 1)
    steps = last.step - first.step
    if change < -1:
        return f"still improving: {-change:.0f} % closer than {steps:,} steps ago"
    if change > 1:
        return f"not improving: {change:.0f} % further away than {steps:,} steps ago"
    return f"hardly changing: within 1 % of {steps:,} steps ago"
