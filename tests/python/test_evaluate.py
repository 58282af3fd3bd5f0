"""What a run's report says, and what two runs' difference is worth."""

import csv
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from training_runs import Learned, fit, quick

from timbrel.errors import UserError
from timbrel.evaluation.compare import Comparison, compare
from timbrel.evaluation.evaluate import Evaluation, evaluate
from timbrel.evaluation.figures import closeness, cut, divergence
from timbrel.evaluation.plots import mel
from timbrel.evaluation.report import level_matched
from timbrel.evaluation.states import first_weights
from timbrel.training.hardware import launch
from timbrel.training.stages import Stages

RATE = 44_100


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A melody of a voice that the run never heard, in stereo, at another rate."""
    path = tmp_path_factory.mktemp("sound") / "a melody.wav"
    time = np.arange(4 * 48_000) / 48_000
    pitch = 220 * 2 ** (np.floor(4 * time) % 5 / 12)
    voice = 0.3 * np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / 48_000))
    soundfile.write(path, np.stack([voice, voice], axis=1), 48_000)
    return path


@pytest.fixture(scope="module")
def evaluated(
    learned: Learned, recording: Path, tmp_path_factory: pytest.TempPathFactory
) -> Evaluation:
    return evaluate(learned.run.folder, tmp_path_factory.mktemp("out") / "report", [recording])


def table(evaluated: Evaluation, name: str) -> list[dict[str, str]]:
    with (evaluated.page.parent / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_training_brings_a_run_closer_than_noise_and_silence(evaluated: Evaluation) -> None:
    (first, before), (last, after) = evaluated.stages
    assert (first, last) == ("before training", "after stage 1")
    assert after.own < 0.9 * before.own
    assert after.own < evaluated.baselines.noise
    assert after.own_to_other < 0.95 < before.own_to_other
    assert after.loudness_correlation > 0.6
    rows = table(evaluated, "distances")
    assert [row["step"] for row in rows] == ["0", "300", "", ""]
    assert float(rows[1]["own"]) == pytest.approx(after.own)
    assert float(rows[2]["own"]) == pytest.approx(evaluated.baselines.noise)


def test_more_latents_are_more_fidelity_and_less_distance(evaluated: Evaluation) -> None:
    ranks = evaluated.ranks
    assert [r.kept for r in ranks] == [1, 2, 3, 4, 6, 8, 12, 16]
    assert ranks[-1].fidelity == pytest.approx(1)
    assert all(a.fidelity < b.fidelity for a, b in pairwise(ranks))
    assert all(r.fidelity_by_variance >= r.fidelity - 1e-9 for r in ranks)
    assert ranks[0].distance > ranks[-1].distance
    assert ranks[-1].spread == 0


def test_sound_of_another_kind_is_in_the_table_of_divergences(
    evaluated: Evaluation, recording: Path
) -> None:
    rows = table(evaluated, "domains")
    assert [row["sound"] for row in rows] == ["held out", "a tabla loop", recording.name]
    assert all(float(row["KL divergence"]) > 0 for row in rows)
    assert len(table(evaluated, "divergence")) == 16
    assert {s.method for s in evaluated.speeds} == {"decode", "forward"}
    assert all(s.real_time == pytest.approx(s.samples_per_second / RATE) for s in evaluated.speeds)


def test_the_report_shows_and_plays_files_that_are_there(evaluated: Evaluation) -> None:
    page = evaluated.page.read_text()
    folder = evaluated.page.parent
    named = {part.split(">")[0].split()[0] for part in page.split("src=")[1:]}
    assert {"fidelity.png", "fidelities.png", "divergence.png", "transfer_0.png"} <= named
    for name in named:
        assert (folder / name).stat().st_size > 500, name
    assert {f for f in named if f.endswith(".flac")} == {p.name for p in folder.glob("*.flac")}
    transferred, rate = soundfile.read(folder / "transfer_0_1.flac")
    assert rate == RATE
    assert len(transferred) == -(-4 * RATE // 2048) * 2048
    assert np.abs(transferred).max() > 0.01
    assert "a melody.wav" in page
    assert not list(folder.parent.glob(".report*"))


def test_a_divergence_is_that_of_two_normal_distributions(learned: Learned) -> None:
    model = learned.run.load().model
    x = 0.1 * torch.randn(3, 1, 8192)
    found = divergence(model, "noise", x)
    with torch.no_grad():
        posterior = model.posterior(model.pqmf.analysis(x))
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(posterior.mean, posterior.std), torch.distributions.Normal(0, 1)
    )
    assert found.mean == pytest.approx(float(exact.mean()), rel=1e-4)
    np.testing.assert_allclose(found.per_latent, exact.mean(dim=(0, 2)), rtol=1e-4)


def test_the_first_weights_are_those_that_the_run_began_with(learned: Learned) -> None:
    config = learned.run.config()
    begun = Stages(config, launch(config.hardware, config.training.batch)).model.state_dict()
    again = first_weights(config).state_dict()
    assert all(torch.equal(begun[name], again[name]) for name in begun)


def test_a_perfect_copy_has_no_distance_and_its_pitch_is_right(learned: Learned) -> None:
    class Copy(torch.nn.Module):
        config = learned.run.config().model
        pqmf = torch.nn.Identity()

        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return x

        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return z

    time = torch.arange(32_768) / RATE
    x = torch.stack([torch.sin(2 * torch.pi * f * time) * time for f in (220, 330)])[:, None]
    found = closeness(Copy(), x)
    assert found.own == 0
    assert found.other > 1
    assert found.pitch_cents == 0
    assert found.loudness_correlation == pytest.approx(1)


def test_a_recording_is_cut_into_what_is_not_silent() -> None:
    sound = np.concatenate([np.ones(1000), np.zeros(1000), -np.ones(1500)]).astype(np.float32)
    assert cut(sound, 2, 1000).shape == (2, 2, 1000)
    assert cut(sound[:10], 1, 1000).shape == (1, 1, 1000)
    assert cut(np.ones(100_000, np.float32), 1, 1000, most=32).shape == (25, 1, 1000)
    assert len(cut(np.zeros(5000, np.float32), 1, 1000)) == 0


def test_a_tone_stands_at_its_place_on_the_mel_scale() -> None:
    time = torch.arange(RATE) / RATE
    heights = [
        mel(torch.sin(2 * torch.pi * f * time), RATE).mean(axis=1).argmax()
        for f in (300, 1000, 8000)
    ]
    top = 2595 * math.log10(1 + RATE / 2 / 700)
    for f, height in zip((300, 1000, 8000), heights, strict=True):
        assert height == pytest.approx(2595 * math.log10(1 + f / 700) / top * 81 - 1, abs=1.5)


def test_a_run_compared_with_itself_is_no_different(learned: Learned, tmp_path: Path) -> None:
    found = compare(learned.run.folder, learned.run.folder, tmp_path / "report")
    assert found.first == found.second
    assert "no difference that counts" in found.verdict
    assert found.page is not None
    assert found.page.exists()


def test_an_early_checkpoint_is_further_away_than_the_last(learned: Learned) -> None:
    early = learned.run.checkpoints / "step_000000100.ckpt"
    found = compare(early, learned.run.folder)
    assert found.change < 0
    assert found.closer > len(found.first) / 2


def test_what_seeds_differ_by_is_no_difference() -> None:
    small = Comparison([10.0, 10.0, 10.0], [9.5, 9.4, 10.2], None)
    assert small.change == pytest.approx(-0.05)
    assert small.closer == 2
    assert small.verdict.startswith("no difference that counts: 5.0% closer (closer on 2 of 3")
    large = Comparison([10.0, 10.0, 10.0], [12.0, 12.0, 9.0], None)
    assert large.verdict.startswith("the second is 20.0% further away")


def test_levels_are_matched_without_clipping() -> None:
    like = 0.5 * torch.ones(1, 100)
    assert float(level_matched(0.01 * torch.randn(1, 100).sign(), like).abs().max()) == 0.5
    peaky = torch.zeros(1, 100)
    peaky[0, 0] = 1.0
    assert float(level_matched(peaky, like).abs().max()) == pytest.approx(1.0)


def test_a_folder_that_is_no_report_is_not_replaced(learned: Learned, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("years of work")
    with pytest.raises(UserError, match="holds something that is no report"):
        evaluate(learned.run.folder, tmp_path)
    assert (tmp_path / "precious.txt").exists()


def test_runs_of_different_rates_are_not_compared(
    dataset: Path, learned: Learned, tmp_path: Path
) -> None:
    other = fit(dataset, tmp_path / "run", quick(2))
    text = other.config_file.read_text().replace("sample_rate: 44100", "sample_rate: 22050")
    other.config_file.write_text(text)
    with pytest.raises(UserError, match="they hear different sound"):
        compare(learned.run.folder, other.folder)


def test_the_command_says_what_to_type_next(
    timbrel, one_line, learned: Learned, tmp_path: Path
) -> None:
    result = timbrel("evaluate", learned.run.folder, "--out", tmp_path / "report")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"next: timbrel export {learned.run.folder} NAME.ts"
    assert "after stage 1: distance" in result.stdout
    assert "a model file is evaluated on recordings" in one_line(timbrel("evaluate", "model.ts"))
    assert "no such run" in one_line(timbrel("evaluate", tmp_path / "nothing"))
