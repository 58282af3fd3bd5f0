"""A run's latents: found when stage 1 ends, the same ever after, and few of them say nearly all."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from training_runs import Learned, fit, quick

from timbrel.data import AudioDataset
from timbrel.data.preprocess import preprocess
from timbrel.dsp.spectral import evaluation_distance
from timbrel.errors import UserError
from timbrel.export.file import load_instrument
from timbrel.export.offline import Offline
from timbrel.export.write import Latents, export_run
from timbrel.training.crops import crops_of, spread_excerpts
from timbrel.training.run import Run

RATE = 44_100


def copied(learned: Learned, to: Path) -> Run:
    """A run of its own, for a test that changes it."""
    return Run(Path(shutil.copytree(learned.run.folder, to)))


def heard(path: Path, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return load_instrument(path).encode(x)


def test_the_basis_is_frozen_at_the_end_of_stage_1(dataset: Path, tmp_path: Path) -> None:
    run = fit(dataset, tmp_path / "run", quick(8))
    found = run.latent_space_file.read_bytes()
    assert run.latent_space().step == 8
    export_run(run.folder, tmp_path / "stage1.ts", latents=Latents(3))
    fit(dataset, run.folder, quick(8, "training.adversarial.steps=6"))
    assert run.load().stage == 2
    described = export_run(run.folder, tmp_path / "stage2.ts", latents=Latents(3))
    assert described["latents"]["found_at_step"] == 8
    assert run.latent_space_file.read_bytes() == found
    # The encoder is frozen, too: a patch for the first hears the same latents in the second.
    x = 0.1 * torch.randn(1, 1, 8192)
    assert torch.equal(heard(tmp_path / "stage1.ts", x), heard(tmp_path / "stage2.ts", x))


def test_before_that_it_is_matched_to_the_previous_one(dataset: Path, tmp_path: Path) -> None:
    run = fit(dataset, tmp_path / "run", quick(8))
    first = run.latent_space()
    assert first.match is None
    fit(dataset, run.folder, quick(12))
    second = run.latent_space()
    assert second.step == 12
    assert 0 < second.match <= 1
    cosines = (first.basis * second.basis).sum(dim=0)
    assert (cosines >= 0).all()
    described = export_run(run.folder, tmp_path / "model.ts")
    assert described["latents"]["match"] == pytest.approx(second.match, abs=1e-4)


def test_any_checkpoint_of_a_run_that_has_not_ended_can_be_exported(
    learned: Learned, tmp_path: Path
) -> None:
    run = copied(learned, tmp_path / "run")
    kept = run.latent_space_file.read_bytes()
    early = run.checkpoints / "step_000000100.ckpt"
    described = export_run(early, tmp_path / "early.ts", latents=Latents(5))
    assert described["step"] == described["latents"]["found_at_step"] == 100
    assert described["latents"]["match"] > 0.3
    # The run's own space stays that of its end.
    assert run.latent_space_file.read_bytes() == kept
    with pytest.raises(UserError, match="not a run's folder, nor a checkpoint in one"):
        export_run(tmp_path / "early.ts", tmp_path / "other.ts")


def distance(offline: Offline, x: torch.Tensor, noise_seed: int) -> float:
    """Of the output from its input, with chance of its own."""
    with torch.no_grad():
        # Another place in time is another draw.
        y = offline.decode(offline.encode(x), late=1000 * noise_seed)
    late = offline.model.latency
    return float(evaluation_distance(x[:, 0, : x.shape[-1] - late], y[:, 0, late:]).mean())


def test_fidelity_on_a_trained_model(learned: Learned) -> None:
    run = learned.run
    model, space = run.load().model, run.latent_space()
    x = spread_excerpts(AudioDataset.open(run.origin().path), "train", 32_768, 16)
    at_rank = {}
    for kept in (1, 4, 16):
        offline = Offline(model, space, kept)
        found = torch.tensor([distance(offline, x, seed) for seed in range(5)])
        at_rank[kept] = (float(found.mean()), float(found.std()) / math.sqrt(5))
    print(at_rank)
    for few, more in ((1, 4), (4, 16)):
        apart = at_rank[few][0] - at_rank[more][0]
        assert apart > 2 * math.hypot(at_rank[few][1], at_rank[more][1])
        assert apart > 0
    whole = distance(Offline(model), x, 0)
    assert at_rank[16] == (pytest.approx(whole, rel=1e-4), pytest.approx(0, abs=1e-6))
    by = run.config().latent_space.rank_by
    nearly = space.rank(0.99, by)
    assert distance(Offline(model, space, nearly), x, 0) < 1.03 * whole


def test_as_many_latents_are_exported_as_are_asked_for(learned: Learned, tmp_path: Path) -> None:
    run = learned.run
    for wanted in (Latents(1), Latents(5), Latents(16), Latents(fidelity=0.5), Latents()):
        described = export_run(run.folder, tmp_path / "model.ts", latents=wanted)
        count = described["latents"]["count"]
        if wanted.count is not None:
            assert count == wanted.count
        else:
            fidelity = wanted.fidelity or 0.99
            assert described["latents"]["fidelity"] >= fidelity
            assert count == run.latent_space().rank(fidelity, "singular_values")
        assert len(described["latents"]["statistics"]) == count
        x = 0.1 * torch.randn(2, 1, 4096)
        assert heard(tmp_path / "model.ts", x).shape == (2, count, 2)
    values = [Latents(fidelity=f).of(run.latent_space(), 16, "variance") for f in (0.5, 0.9, 1.0)]
    assert values == sorted(values)


def test_stereo_is_two_samples_of_the_posterior(learned: Learned, tmp_path: Path) -> None:
    path = tmp_path / "stereo.ts"
    described = export_run(learned.run.folder, path, latents=Latents(8), stereo=True)
    assert described["methods"]["forward"]["out_channels"] == 2
    assert described["methods"]["decode"]["in_channels"] == 8
    assert described["attributes"]["temperature"]["default"] == [1.0]
    dataset = AudioDataset.open(learned.run.origin().path)
    x = torch.from_numpy(dataset.read_channels("train", 0, 32_768))[None]
    with torch.no_grad():
        y = load_instrument(path)(x)
        still = load_instrument(path)
        still.set_temperature(0.0)
        still.set_noise(0.0)
        same = still(x)
    assert y.shape == (1, 2, 32_768)
    side, middle = (y[0, 0] - y[0, 1]).norm(), (y[0, 0] + y[0, 1]).norm()
    assert 0.02 < float(side / middle) < 2
    torch.testing.assert_close(same[0, 0], same[0, 1])


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"count": 17}, "choose from 1 to 16, not 17"),
        ({"count": 0}, "choose from 1 to 16, not 0"),
        ({"fidelity": 1.5}, "--fidelity is 1.5; choose above 0"),
        ({"count": 3, "fidelity": 0.9}, "not both"),
    ],
)
def test_an_impossible_number_of_latents_is_one_line(
    learned: Learned, tmp_path: Path, wanted: dict[str, float], complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        export_run(learned.run.folder, tmp_path / "model.ts", latents=Latents(**wanted))
    assert not list(tmp_path.iterdir())


def test_without_the_sound_all_latents_can_be_had_and_no_fewer(
    learned: Learned, tmp_path: Path
) -> None:
    run = copied(learned, tmp_path / "run")
    run.latent_space_file.unlink()
    run.origin_file.write_text(run.origin_file.read_text().replace("dataset", "gone"))
    assert export_run(run.folder, tmp_path / "all.ts")["latents"]["count"] == 16
    with pytest.raises(UserError, match="which latents matter cannot be found out"):
        export_run(run.folder, tmp_path / "few.ts", latents=Latents(4))


def test_a_stereo_dataset_trains_a_model_of_two_channels(
    record: Callable[..., Path], tmp_path: Path
) -> None:
    for index in range(3):
        record(tmp_path / f"in/{index}.wav", seconds=2.0, channels=2, seed=index)
    preprocess(tmp_path / "in", tmp_path / "dataset", sample_rate=RATE, channels=2)
    opened = AudioDataset.open(tmp_path / "dataset")
    crop = crops_of(opened, quick(1).training)[0][0]
    assert crop.shape == (2, 18_432)
    assert not torch.allclose(crop[0], crop[1], atol=1e-2)
    run = fit(tmp_path / "dataset", tmp_path / "run", quick(2, "model.channels=2"))
    described = export_run(run.folder, tmp_path / "model.ts")
    assert described["methods"]["forward"]["in_channels"] == 2
    assert described["methods"]["forward"]["out_channels"] == 2
    with pytest.raises(UserError, match="the model has 2 channels of its own"):
        export_run(run.folder, tmp_path / "stereo.ts", stereo=True)
