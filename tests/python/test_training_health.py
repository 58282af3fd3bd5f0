"""What a run says about itself: alarms that ring when they should, and only then."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_runs import Learned, fit, quick

from timbrel.config import load_preset
from timbrel.model.encoder import Posterior
from timbrel.training.board import Board, curve, picture
from timbrel.training.config import PlateauConfig, TrainingConfig
from timbrel.training.health import alarms, forecast, plateaued, ways_on
from timbrel.training.metrics import read_metrics
from timbrel.training.progress import duration
from timbrel.training.run import Run, read_checkpoint
from timbrel.training.validation import Heard, Validation

HEALTHY = Validation(
    step=1000,
    stage=1,
    distance=5.0,
    distance_other=10.0,
    distance_training=4.5,
    level_db=-1.0,
    informative_latents=8,
    fidelity_rank=6,
)
TRAINING = TrainingConfig()


def history(*changes: dict[str, float], start: int = 1000) -> list[Validation]:
    return [replace(HEALTHY, step=start + 500 * i, **c) for i, c in enumerate(changes)]


SICK = {
    "posterior collapse": {"distance": 9.9},
    "silent output": {"level_db": -60.0},
    "the discriminator has won": {"stage": 2, "doubt": 0.01},
}


@pytest.mark.parametrize(("alarm", "symptom"), SICK.items())
def test_an_alarm_rings_after_three_validations_in_a_row(
    alarm: str, symptom: dict[str, float]
) -> None:
    fine = {"stage": 2, "doubt": 1.0}
    rung = alarms(history(fine, symptom, symptom, symptom), TRAINING)
    assert len(rung) == 1
    assert rung[0].startswith(alarm)
    assert alarms(history(fine, symptom, fine, symptom, symptom), TRAINING) == []
    # The first steps are no illness.
    assert alarms(history(symptom, symptom, symptom, start=100), TRAINING) == []


def test_a_healthy_run_is_left_alone() -> None:
    improving = [{"distance": 8 - 0.2 * i, "distance_training": 7 - 0.2 * i} for i in range(20)]
    for length in range(1, 21):
        assert alarms(history(*improving[:length]), TRAINING) == []


def test_overfitting_is_held_out_sound_drifting_away_while_learned_sound_gets_closer() -> None:
    best = {"distance": 5.0, "distance_training": 4.5}
    drifting = [{"distance": 5.6 + 0.1 * i, "distance_training": 4.0 - 0.1 * i} for i in range(3)]
    rung = alarms(history(best, *drifting), TRAINING)
    assert len(rung) == 1
    assert rung[0].startswith("overfitting")
    # Where learned sound drifts away too, it is something else.
    both = [{**d, "distance_training": 5.0} for d in drifting]
    assert alarms(history(best, *both), TRAINING) == []


def test_a_plateau_is_patience_without_enough_of_a_fall() -> None:
    config = PlateauConfig(patience=3, least=0.01)
    falling = [{"distance": 5 * 0.98**i} for i in range(10)]
    assert not plateaued(history(*falling), config)
    # 0.9 % in all is not enough; a step of the other stage does not count.
    creeping = [{"distance": 5 * 0.997**i} for i in range(4)]
    assert not plateaued(history(*creeping[:3]), config)
    assert plateaued(history(*creeping), config)
    assert not plateaued(history({}, *[{"stage": 2}] * 5), config)


def test_what_to_do_about_a_plateau_can_be_typed() -> None:
    alone = TrainingConfig(learning_rate=1e-3)
    line = ways_on(7000, alone)
    for setting in ("training.adversarial.steps=N", "training.final_learning_rate=0.0001"):
        assert f"--set {setting}" in line
    both = load_preset("v1").training
    assert "--set training.steps=7000" in ways_on(7000, both)


def test_a_forecast_follows_the_last_five_validations() -> None:
    assert "too early" in forecast(history({}))
    better = history(*[{"distance": d} for d in (99, 10, 9.5, 9, 8.5, 8)])
    assert forecast(better) == "still improving: 20 % closer than 2,000 steps ago"
    assert forecast(history({}, {"distance": 6.0})).startswith("not improving: 20 %")
    assert forecast(history({}, {"distance": 5.01})).startswith("hardly changing")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(40, "40 s"), (720, "12 min"), (12_600, "3.5 h"), (181_440, "2.1 days")],
)
def test_durations_are_as_one_says_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def rung_on(run: Run) -> list[str]:
    validations = [Validation(**v) for v in read_checkpoint(run.last_checkpoint)["validations"]]
    return alarms(validations, run.config().training)


def test_the_collapse_alarm_rings_on_a_run_that_ignores_its_input(
    dataset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Long enough for three validations past the first steps, which are no illness.
    often = ["training.validate_every=20", "model.dilations=[1]"]
    config = quick(240, *often, "training.learning_rate=5e-3", "training.loss.beta=100")
    run = fit(dataset, tmp_path / "run", config)
    assert any(alarm.startswith("posterior collapse") for alarm in rung_on(run))
    assert "alarm: posterior collapse" in capfd.readouterr().err.replace("\n", " ")


def test_no_alarm_rings_on_a_run_that_hears(learned: Learned) -> None:
    assert rung_on(learned.run) == []
    assert "ratio" in learned.said
    assert "alarm" not in learned.said
    last = read_checkpoint(learned.run.last_checkpoint)["validations"][-1]
    assert Validation(**last).own_to_other < 0.9


def test_the_board_shows_sound_and_latents(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sound = 0.1 * torch.randn(3, 1, 8192)
    posterior = Posterior(torch.randn(3, 4, 8), torch.rand(3, 4, 8) + 0.1)
    board = Board(tmp_path, 0, 44_100)
    board.record({"step": 50, "stage": 1, "validation/distance": 4.0})
    board.heard(50, Heard(sound, 0.5 * sound, posterior))
    board.close()
    events = EventAccumulator(str(tmp_path), size_guidance={"audio": 0, "images": 0}).Reload()
    tags = events.Tags()
    assert [e.value for e in events.Scalars("validation/distance")] == [4.0]
    assert len(tags["audio"]) == 3
    assert len(tags["images"]) == 4
    assert set(tags["histograms"]) == {"latents/divergence", "latents/mean", "latents/std"}
    assert events.Audio("sound_then_output/0")[0].sample_rate == 44_100


def test_the_fidelity_curve_is_as_high_as_its_latents_say() -> None:
    shown = curve(torch.tensor([0.25, 0.5, 1.0, 1.0]), height=8)
    assert shown.shape == (1, 8, 512)
    heights = (shown[0] > 0).sum(axis=0).reshape(4, 128)
    assert (heights == [[2], [4], [8], [8]]).all()


def test_a_picture_has_the_sound_above_and_what_became_of_it_below() -> None:
    loud = torch.randn(1, 8192)
    shown = picture(loud, torch.zeros(1, 8192))
    assert shown.shape == (1, 2 * 513, 33)
    assert shown[:, :513].mean() > 150
    assert shown[:, 513:].max() == 0


def test_both_stages_leave_their_figures(dataset: Path, tmp_path: Path) -> None:
    run = fit(dataset, tmp_path / "run", quick(10, "training.adversarial.steps=22"))
    records = read_metrics(run.metrics_file)
    learners = {name.split("/")[1] for r in records for name in r if name.startswith("train/")}
    assert learners == {"autoencoder", "decoder", "discriminator"}
    assert {r["stage"] for r in records} == {1, 2}
