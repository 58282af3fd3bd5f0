"""Export: what stands in a model file, and what never gets into one."""

import json
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from timbrel.config import load_preset
from timbrel.errors import UserError
from timbrel.export.file import read_metadata
from timbrel.export.write import export_run, write_model
from timbrel.latent.space import Latent, LatentSpace
from timbrel.model.autoencoder import Autoencoder
from timbrel.nn import Conv1d
from timbrel.nn.streaming import Streamed
from timbrel.training.run import DatasetOrigin, Run

SMALL = ["model.capacity=2", "model.latents=4", "model.ratios=[4, 4, 4]"]


SPACE = replace(
    LatentSpace.unrotated(4),
    latents=[Latent(0.0, 1.0, -1.0, 1.0, *about) for about in [(), ("pitch", -0.5), (), ()]],
)


def model(*overrides: str, seed: int = 0) -> Autoencoder:
    torch.manual_seed(seed)
    return Autoencoder(load_preset("tiny", [*SMALL, *overrides]).model).eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "small.ts"
    write_model(model(), path, {"name": "small", "license": "CC0-1.0"}, SPACE)
    return path


def test_the_file_keeps_contract_1_without_anything_of_ours(exported: Path) -> None:
    # A process that cannot import timbrel sees the file as any other host does.
    program = """
import json, sys, torch
sys.modules["timbrel"] = None
m = torch.jit.load(sys.argv[1])
methods = m.get_methods()
params = {k: getattr(m, f"{k}_params").tolist() for k in methods}
labels = {k: [getattr(m, f"{k}_{way}_labels") for way in ("input", "output")] for k in methods}
shapes = {}
for k, (channels, ratio, *_) in params.items():
    shapes[k] = list(getattr(m, k)(torch.zeros(2, channels, 4096 // ratio)).shape)
print(json.dumps([params, labels, shapes, m.get_attributes(), m.get_sample_rate()]))
"""
    command = [sys.executable, "-W", "ignore", "-c", program, exported]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    params, labels, shapes, attributes, sample_rate = json.loads(result.stdout)
    assert params == {
        "encode": [1, 1, 4, 1024],
        "decode": [4, 1024, 1, 1],
        "forward": [1, 1, 1, 1],
    }
    for method, (inputs, outputs) in labels.items():
        assert len(inputs) == params[method][0]
        assert len(outputs) == params[method][2]
    assert shapes == {"encode": [2, 4, 4], "decode": [2, 1, 4096], "forward": [2, 1, 4096]}
    assert attributes == ["temperature", "noise"]
    assert labels["decode"][0] == [
        f"(signal) latent {name}" for name in ("0", "1 (pitch -0.50)", "2", "3")
    ]
    assert sample_rate == 44_100


def test_the_file_describes_itself(exported: Path) -> None:
    metadata = read_metadata(exported)
    assert metadata["format_version"] == 1
    assert metadata["name"] == "small"
    assert metadata["license"] == "CC0-1.0"
    assert metadata["sample_rate"] == 44_100
    # Causal: nothing but the filter bank's delay, and that lies within the network.
    assert metadata["latency"] == {"encode": 0, "decode": 0, "forward": 112}
    assert metadata["latents"]["count"] == 4
    assert metadata["latents"]["ratio"] == 1024
    assert metadata["latents"]["of"] == 4
    assert metadata["latents"]["fidelity"] == 1.0
    assert metadata["latents"]["statistics"][1] == asdict(SPACE.latents[1])
    assert metadata["torch_version"] == torch.__version__.split("+")[0]
    with zipfile.ZipFile(exported) as archive:
        assert "small/extra/timbrel.json" in archive.namelist()


def test_the_file_does_not_name_the_folders_of_the_machine_that_made_it(exported: Path) -> None:
    home = str(Path(__file__).parents[2]).encode()
    with zipfile.ZipFile(exported) as archive:
        for name in archive.namelist():
            assert home not in archive.read(name), name


@pytest.mark.parametrize("padding", ["causal", "centred"])
def test_an_impulse_comes_out_at_the_stated_latency(padding: str, tmp_path: Path) -> None:
    # What an impulse changes first, it changes just as much later as the file states.
    offline = model(f"model.padding={padding}")
    described = write_model(offline, tmp_path / "model.ts", {"name": "model"})
    streaming = described["latency"]["forward"] - offline.latency
    loaded = torch.jit.load(str(tmp_path / "model.ts"))
    x = torch.zeros(2, 1, 65_536)
    x[1, :, 30_000] = 1.0

    def first_change(y: Tensor) -> int:
        return int(((y[1] - y[0]).abs() > 1e-9).squeeze().nonzero()[0])

    with torch.no_grad():
        assert first_change(loaded(x)) == first_change(offline(x)) + streaming


class Unfaithful(Conv1d):
    """A layer whose twin forgets one frame of the past."""

    def streamed_as(self, delay: int, weight: Tensor, bias: Tensor | None) -> Streamed:
        streamed = super().streamed_as(delay, weight, bias)
        torch.nn.init.zeros_(streamed.module.get_parameter("weight")[..., :1])
        return streamed


def test_what_does_not_stream_as_it_was_trained_is_not_written(tmp_path: Path) -> None:
    broken = model()
    first = broken.encoder[0]
    broken.encoder[0] = Unfaithful(16, 2, 7, past=first.past)
    (tmp_path / "model.ts").write_text("the model of yesterday")
    with pytest.raises(UserError, match="`encode` streamed in blocks differs from the trained"):
        write_model(broken, tmp_path / "model.ts", {})
    assert (tmp_path / "model.ts").read_text() == "the model of yesterday"
    assert [p.name for p in tmp_path.iterdir()] == ["model.ts"]


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    broken = model()
    with torch.no_grad():
        broken.encoder[0].weight[0, 0, 0] = torch.nan
    with pytest.raises(UserError, match="not exported"):
        write_model(broken, tmp_path / "model.ts", {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "complaint"), [("model.pt", "ends in .ts"), ("none/model.ts", "no such folder")]
)
def test_an_impossible_place_is_refused_first(tmp_path: Path, name: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        write_model(model(), tmp_path / name, {})


def test_a_dataset_that_is_gone_costs_the_statistics_and_nothing_else(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.create(load_preset("tiny", SMALL), DatasetOrigin(str(tmp_path / "gone"), "0" * 64))
    run.last_checkpoint.parent.mkdir()
    state = {f"model.{name}": value for name, value in model().state_dict().items()}
    torch.save({"global_step": 7, "stage": 1, "state_dict": state}, run.last_checkpoint)
    described = export_run(run.folder, tmp_path / "model.ts")
    assert described["step"] == 7
    assert "statistics" not in described["latents"]


@pytest.mark.parametrize("content", [None, b"", b"hello, I am a poem", b"PK\x03\x04 cut"])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.ts"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_metadata(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
