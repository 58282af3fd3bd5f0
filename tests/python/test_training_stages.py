"""Two stages of learning: who learns when, what is frozen, and what averages follow."""

import copy
from pathlib import Path

import pytest
import torch
from training_runs import batch, fit, quick, stages, state

from timbrel.errors import UserError
from timbrel.training.stages import Stages

STAGE_2 = "training.adversarial.steps=20"


def in_stage_2(dataset: Path, *overrides: str) -> Stages:
    config = quick(2, STAGE_2, *overrides)
    made = stages(config)
    for step in range(2):
        made.advance(*batch(config, dataset, step))
    made.begin_stage_2()
    return made


def advance(made: Stages, dataset: Path, steps: int) -> list[str]:
    learners = []
    for _ in range(steps):
        learners.append(made.learner)
        made.advance(*batch(made.config, dataset, made.step))
    return learners


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_stage_2_changes_no_bit_of_the_encoder(dataset: Path, ema: float) -> None:
    made = in_stage_2(dataset, f"training.ema={ema}")
    before = state(made)
    advance(made, dataset, 6)
    after = state(made)
    encoder = [name for name in before if ".encoder." in name or name.startswith("encoder.")]
    assert any("running_var" in name for name in encoder)
    assert any(name.startswith("average.") for name in encoder) == bool(ema)
    for name in encoder:
        assert torch.equal(before[name], after[name]), name
    assert any(not torch.equal(before[n], after[n]) for n in before if "decoder.body" in n)


def test_decoder_and_discriminator_take_turns_as_configured(dataset: Path) -> None:
    made = in_stage_2(dataset, "training.adversarial.discriminator_every=4")
    turns = advance(made, dataset, 8)
    assert turns == ["discriminator", "decoder", "decoder", "decoder"] * 2


def test_a_step_changes_nobody_but_its_learner(dataset: Path) -> None:
    made = in_stage_2(dataset)
    for learner, changing in (("discriminator", "discriminator."), ("decoder", "model.decoder.")):
        assert made.learner == learner
        before = state(made)
        advance(made, dataset, 1)
        changed = {n for n, v in state(made).items() if not torch.equal(before[n], v)}
        assert changed
        assert all(name.startswith(changing) for name in changed)


def test_the_noise_head_sleeps_through_stage_1_and_learns_in_stage_2(dataset: Path) -> None:
    config = quick(4, STAGE_2)
    made = stages(config)
    noise = made.model.decoder.noise
    assert noise is not None
    made.advance(*batch(config, dataset, 0))
    assert all(p.grad is None for p in noise.parameters())
    made.begin_stage_2()
    advance(made, dataset, 2)  # the discriminator's turn, and the decoder's
    for parameter in noise.parameters():
        assert parameter.grad is not None
        assert float(parameter.grad.abs().sum()) > 0


def test_the_first_weights_do_not_depend_on_whether_there_is_a_stage_2() -> None:
    alone, both = stages(quick(2)).model.state_dict(), stages(quick(2, STAGE_2)).model.state_dict()
    assert all(torch.equal(alone[name], both[name]) for name in alone)


def test_the_learning_rate_is_a_function_of_the_step(dataset: Path) -> None:
    config = quick(4, STAGE_2, "training.learning_rate=1e-3", "training.final_learning_rate=2e-4")
    made = stages(config)
    rates = []
    for step in range(4):
        rates.append(made.learning_rate)
        made.advance(*batch(config, dataset, step))
        assert made.optimizer.param_groups[0]["lr"] == rates[-1]
    assert rates == pytest.approx([1e-3, 8e-4, 6e-4, 4e-4])
    made.begin_stage_2()
    assert made.learning_rate == 2e-4


def test_averaged_weights_follow_and_are_the_ones_heard(dataset: Path) -> None:
    config = quick(8, "training.ema=0.5")
    made = stages(config)
    name = "encoder.0.weight"
    expected = made.model.state_dict()[name].clone()
    for step in range(3):
        made.advance(*batch(config, dataset, step))
        # The first steps forget faster than the decay: 2/11, 3/12, 4/13.
        expected = torch.lerp(expected, made.model.state_dict()[name], 1 - (step + 2) / (step + 11))
        torch.testing.assert_close(made.heard.state_dict()[name], expected)
    assert not torch.equal(made.heard.state_dict()[name], made.model.state_dict()[name])
    made.begin_stage_2()
    assert torch.equal(made.heard.state_dict()[name], made.model.state_dict()[name])


def test_averaged_weights_are_what_a_run_gives(dataset: Path, tmp_path: Path) -> None:
    run = fit(dataset, tmp_path / "run", quick(3, "training.ema=0.9"))
    content = torch.load(run.last_checkpoint, weights_only=True)["state_dict"]
    name = "encoder.0.weight"
    assert torch.equal(run.load_model()[0].state_dict()[name], content[f"average.{name}"])
    assert not torch.equal(content[f"average.{name}"], content[f"model.{name}"])


def test_gradients_are_clipped_to_their_norm(dataset: Path) -> None:
    config = quick(2, "training.clip_gradient=0.01")
    made = stages(config)
    made.advance(*batch(config, dataset, 0))
    gradients = [p.grad for p in made.model.parameters() if p.grad is not None]
    assert float(torch.nn.utils.get_total_norm(gradients)) == pytest.approx(0.01, rel=1e-4)


def test_a_restored_state_learns_on_to_the_same_bits(dataset: Path) -> None:
    first = in_stage_2(dataset, "training.ema=0.9")
    advance(first, dataset, 3)
    second = stages(first.config)
    second.restore(copy.deepcopy(first.state()))
    second.prepare()
    assert second.learner == first.learner
    for made in (first, second):
        advance(made, dataset, 3)
    one, other = state(first), state(second)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("learner", ["discriminator", "decoder"])
def test_a_batch_in_parts_gives_the_same_gradients(dataset: Path, learner: str) -> None:
    gradients = []
    for parts in (1, 2):
        made = in_stage_2(dataset)  # where batch norm, which mixes examples, is frozen
        made.networks.double()
        for optimizer in (made.optimizer, made.discriminator_optimizer):
            optimizer.step = lambda: None  # what it remembers is in single precision
        made.parts = parts
        made.step += learner == "decoder"  # whose turn is the second one
        assert made.learner == learner
        x, numbers = batch(made.config, dataset, 0)
        made.advance(x.double(), numbers)
        gradients.append([p.grad for p in made.networks.parameters() if p.grad is not None])
    for whole, split in zip(*gradients, strict=True):
        torch.testing.assert_close(whole, split, rtol=1e-9, atol=1e-12)


class Hungry:
    """Makes networks run out of memory where a batch has more than `most` examples."""

    def __init__(self, networks: torch.nn.Module, most: int) -> None:
        self.inner, self.most, self.seen = networks.forward, most, list[int]()
        networks.forward = self.forward

    def forward(self, learner: str, x: torch.Tensor, *rest: object) -> object:
        self.seen.append(len(x))
        result = self.inner(learner, x, *rest)
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return result


def test_a_batch_that_memory_is_too_short_for_is_computed_in_parts(dataset: Path) -> None:
    config = quick(4, "training.batch=8")
    made = stages(config)
    hungry = Hungry(made.networks, most=2)
    made.advance(*batch(config, dataset, 0))
    assert made.parts == 4
    assert hungry.seen == [8, 4, 2, 2, 2, 2]
    # What the failed attempts left in the statistics is undone.
    planned = stages(quick(4, "training.batch=8", "hardware.parts=4"))
    planned.advance(*batch(config, dataset, 0))
    one, other = state(made), state(planned)
    assert all(torch.equal(one[name], other[name]) for name in one)
    made.advance(*batch(config, dataset, 1))
    assert hungry.seen[6:] == [2, 2, 2, 2]


def test_memory_too_short_for_a_single_example_is_one_line(dataset: Path) -> None:
    config = quick(4)
    made = stages(config)
    Hungry(made.networks, most=0)
    with pytest.raises(UserError, match=r"try a shorter segment: --set training\.segment=9216"):
        made.advance(*batch(config, dataset, 0))


@pytest.mark.parametrize("learner", ["autoencoder", "decoder", "discriminator"])
def test_in_mixed_precision_only_the_convolutions_are_short(dataset: Path, learner: str) -> None:
    made = in_stage_2(dataset, "hardware.precision=bf16")
    x, numbers = batch(made.config, dataset, 0)
    short = made.networks(learner, x, made._draws(x, numbers), 0)
    assert all(loss.dtype == torch.float32 for loss in short.values())
    types: dict[str, torch.dtype] = {}
    for name, module in (
        ("encoder", made.model.encoder),
        ("decoder", made.model.decoder.body),
        ("bank", made.model.pqmf.synthesis),
    ):
        module.register_forward_hook(lambda *a, name=name: types.update({name: a[2].dtype}))
    made.networks(learner, x, made._draws(x, numbers), 0)
    assert types == {
        "encoder": torch.bfloat16,
        "decoder": torch.bfloat16,
        "bank": torch.float32,
    }
    precise = in_stage_2(dataset)
    long = precise.networks(learner, x, precise._draws(x, numbers), 0)
    torch.testing.assert_close(short["total"], long["total"], rtol=0.05, atol=0.05)


def test_stage_2_in_the_small(dataset: Path) -> None:
    # Two excerpts over and over: real and fake are told apart, and every loss stays finite.
    made = in_stage_2(
        dataset,
        "training.adversarial.steps=200",
        "training.discriminator_learning_rate=2e-3",
        "training.adversarial.discriminator.scale_capacity=4",
    )
    x, numbers = batch(made.config, dataset, 0)
    gaps = []
    for step in range(200):
        learner = made.learner
        losses = made.advance(x, numbers + 2 * step)
        assert all(bool(torch.isfinite(loss)) for loss in losses.values())
        if learner == "discriminator":
            gaps.append(float(losses["real_score"] - losses["fake_score"]))
    assert sum(gaps[-10:]) / 10 > 0.2 > abs(gaps[0])
