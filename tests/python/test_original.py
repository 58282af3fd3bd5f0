"""Checkpoints of RAVE, made here with its names: all of their weights arrive where they belong."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import weight_norm

from timbrel.data import AudioDataset
from timbrel.errors import UserError
from timbrel.training.original import read_original
from timbrel.training.run import Run

RATIOS = (4, 4, 4, 2)
CAPACITY, LATENTS, BANDS = 2, 6, 16


class Aligned(nn.Module):
    """As the original names branches; here nothing has to be aligned."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)


class Wrapped(nn.Module):
    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def conv(i: int, o: int, kernel: int, *, normed: bool = True, **options: Any) -> nn.Module:
    reach = (kernel - 1) * options.get("dilation", 1)
    options.setdefault("padding", reach // 2)
    layer = nn.Conv1d(i, o, kernel, bias=False, **options)
    return weight_norm(layer) if normed else layer


def up(i: int, o: int, ratio: int) -> nn.Module:
    options = {"stride": ratio, "padding": ratio // 2, "bias": False}
    return weight_norm(nn.ConvTranspose1d(i, o, 2 * ratio, **options))


class EncoderV1(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers = [conv(BANDS, CAPACITY, 7, normed=False)]
        width = CAPACITY
        for r in RATIOS:
            strided = conv(width, 2 * width, 2 * r + 1, normed=False, stride=r)
            layers += [nn.BatchNorm1d(width), nn.LeakyReLU(0.2), strided]
            width *= 2
        last = conv(width, 2 * LATENTS, 5, normed=False, groups=2)
        self.net = nn.Sequential(*layers, nn.LeakyReLU(0.2), last)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class DecoderV1(nn.Module):
    def __init__(self, dilations: tuple[int, ...]) -> None:
        super().__init__()
        width = CAPACITY * 16
        layers = [conv(LATENTS, width, 7)]
        for r in RATIOS:
            layers.append(Wrapped(net=nn.Sequential(nn.LeakyReLU(0.2), up(width, width // 2, r))))
            width //= 2
            units = [
                Wrapped(
                    aligned=Aligned(
                        nn.Sequential(
                            nn.LeakyReLU(0.2),
                            conv(width, width, 3, dilation=d),
                            nn.LeakyReLU(0.2),
                            conv(width, width, 3),
                        ),
                        nn.Identity(),
                    )
                )
                for d in dilations
            ]
            layers.append(Wrapped(net=nn.Sequential(*units)))
        self.net = nn.Sequential(*layers)
        noise = []
        for o in (width, width, BANDS * 5):
            noise += [conv(width, o, 3, normed=False, stride=4, padding=1), nn.LeakyReLU(0.2)]
        self.synth = Aligned(
            conv(width, BANDS, 7), conv(width, 1, 3), Wrapped(net=nn.Sequential(*noise[:-1]))
        )
        self.register_buffer("warmed_up", torch.tensor(1))

    def forward(self, z: Tensor) -> Tensor:
        x = self.net[0](z)
        for i in range(1, len(self.net), 2):
            x = self.net[i].net(x)
            for unit in self.net[i + 1].net:
                x = x + unit.aligned.branches[0](x)
        waveform, loudness = (branch(x) for branch in list(self.synth.branches)[:2])
        return torch.tanh(waveform) * (2 * torch.sigmoid(loudness) ** 2.3 + 1e-7)


def unit_v2(width: int, dilation: int) -> nn.Module:
    inner = nn.Sequential(
        nn.LeakyReLU(0.2),
        conv(width, width, 3, dilation=dilation),
        nn.LeakyReLU(0.2),
        conv(width, width, 1),
    )
    return Wrapped(aligned=Aligned(Wrapped(net=inner), nn.Identity()))


def run_v2(layers: nn.Sequential, x: Tensor) -> Tensor:
    for layer in layers:
        if isinstance(layer, Wrapped):
            x = x + layer.aligned.branches[0].net(x)
        elif isinstance(layer, nn.Conv1d) and layer.stride[0] > 1:
            r = layer.stride[0]
            padded = nn.functional.pad(x, (r - 1, r))
            x = nn.functional.conv1d(padded, layer.weight, stride=r)
        else:
            x = layer(x)
    return x


DILATIONS = ((1, 3, 9), (1, 3, 9), (1, 3, 9), (1, 3))


class EncoderV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = CAPACITY
        layers = [conv(BANDS, width, 7)]
        for r, dilations in zip(RATIOS, DILATIONS, strict=True):
            layers += [unit_v2(width, d) for d in dilations]
            layers += [nn.LeakyReLU(0.2), conv(width, 2 * width, 2 * r, stride=r, padding=0)]
            width *= 2
        self.net = nn.Sequential(*layers, nn.LeakyReLU(0.2), conv(width, 2 * LATENTS, 3))

    def forward(self, x: Tensor) -> Tensor:
        for weighted in self.modules():  # the old weight norm computes weights before a call
            for hook in getattr(weighted, "_forward_pre_hooks", {}).values():
                hook(weighted, ())
        return run_v2(self.net, x)


class DecoderV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = CAPACITY * 16
        layers = [conv(LATENTS, width, 3)]
        for r, dilations in zip(RATIOS[::-1], DILATIONS[::-1], strict=True):
            layers += [nn.LeakyReLU(0.2), up(width, width // 2, r)]
            width //= 2
            layers += [unit_v2(width, d) for d in dilations]
        self.net = nn.Sequential(*layers, nn.LeakyReLU(0.2), conv(width, 2 * BANDS, 7))

    def forward(self, z: Tensor) -> Tensor:
        waveform, amplitude = run_v2(self.net, z).chunk(2, dim=1)
        return torch.tanh(waveform * torch.sigmoid(amplitude))


def original(variant: str) -> tuple[nn.Module, nn.Module, dict[str, Tensor]]:
    """Encoder, decoder, and the state that the authors' program would save of them."""
    torch.manual_seed(3)
    encoder = EncoderV2() if variant == "v2" else EncoderV1()
    decoder = (
        DecoderV2() if variant == "v2" else DecoderV1((1, 3, 9) if variant == "v1" else (1, 3, 5))
    )
    for module in (*encoder.modules(), *decoder.modules()):
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
    inner = "encoder." if variant == "v1" else "encoder.encoder."
    state = OrderedDict({"pqmf.hk": torch.zeros(16, 512)})
    state |= {inner + k: v for k, v in encoder.state_dict().items()}
    state |= {f"decoder.{k}": v for k, v in decoder.state_dict().items()}
    state["discriminator.discriminators.0.net.0.weight_g"] = torch.ones(1)
    return encoder.eval(), decoder.eval(), state


def saved(path: Path, state: dict[str, Tensor], **more: object) -> Path:
    torch.save({"state_dict": state, "global_step": 5, **more}, path)
    return path


@pytest.mark.parametrize("variant", ["v1", "v1 today", "v2"])
def test_all_weights_arrive_and_compute_the_same(variant: str, tmp_path: Path) -> None:
    encoder, decoder, state = original(variant)
    found = read_original(saved(tmp_path / "best.ckpt", state), [], 48_000)
    model = found.weights.model
    assert (model.config.latents, model.config.ratios) == (LATENTS, list(RATIOS))
    assert model.config.sample_rate == 48_000
    bands = torch.randn(2, BANDS, 256)
    z = torch.randn(2, LATENTS, 4)
    with torch.no_grad():
        torch.testing.assert_close(model.encoder(bands), encoder(bands), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(model.decoder(z), decoder(z), rtol=1e-4, atol=1e-6)
    assert found.report[0] == "left in the file: discriminator, pqmf"


def test_what_the_program_of_the_paper_states_is_taken(tmp_path: Path) -> None:
    state = original("v1")[2]
    stated = {"sr": 44_100, "no_latency": True}
    found = read_original(saved(tmp_path / "a.ckpt", state, hyper_parameters=stated), [], 48_000)
    assert found.config.model.sample_rate == 44_100
    assert found.config.model.padding == "causal"
    assert any("earlier" in line for line in found.report)


def test_a_new_run_begins_with_them(timbrel, dataset: Path, tmp_path: Path) -> None:
    path = saved(tmp_path / "rave.ckpt", original("v2")[2])
    settings = [
        "training.steps=1",
        "training.batch=1",
        "training.segment=32768",
        "training.loss.edges=true",
        "training.adversarial.steps=0",
    ]
    options = [part for setting in settings for part in ("--set", setting)]
    result = timbrel("train", dataset, tmp_path / "run", "--from", path, *options)
    assert result.returncode == 0, result.stderr
    assert "RAVE v2, 6 latents, ratio 2048, all weights" in result.stdout
    run = Run(tmp_path / "run")
    assert run.origin().fine_tuned_from == str(path)
    assert run.config().model.sample_rate == AudioDataset.open(dataset).sample_rate
    assert run.load().step == 1


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


def test_a_checkpoint_runs_nothing(tmp_path: Path) -> None:
    evil = Evil(tmp_path / "was-here")
    path = saved(tmp_path / "a.ckpt", original("v1")[2], callbacks={Path: evil}, loops=[evil, evil])
    read_original(path, [], 44_100)
    assert not evil.path.exists()
    # Torch on its own would have run it.
    torch.load(path, weights_only=False)
    assert evil.path.exists()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda s: s.pop("decoder.net.0.weight_v"), "decoder.net.0 has"),
        (lambda s: [s.pop(k) for k in list(s) if k.startswith("decoder.")], "no encoder and deco"),
        (lambda s: s.update({"decoder.gru.weight": torch.ones(2, 2)}), "a variant that cannot be"),
    ],
)
def test_a_variant_that_ours_lacks_is_one_line(damage: Any, complaint: str, tmp_path: Path) -> None:
    state = original("v1")[2]
    damage(state)
    with pytest.raises(UserError, match=complaint) as raised:
        read_original(saved(tmp_path / "a.ckpt", state), [], 44_100)
    assert "\n" not in str(raised.value)


def test_a_shape_that_differs_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.ckpt", original("v1")[2])
    with pytest.raises(UserError, match=r"is \(6, 32, 5\).* give what differs with --set|is \("):
        read_original(path, ["model.capacity=4"], 44_100)


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"state_dict": {}})])
def test_what_is_no_checkpoint_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(content)
    with pytest.raises(UserError, match=r"not readable as a checkpoint|no encoder"):
        read_original(tmp_path / "a.ckpt", [], 44_100)
