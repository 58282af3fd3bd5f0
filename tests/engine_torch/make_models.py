"""Writes the model files of the tests beside, with what torch itself computes where they compare.

Usage: make_models.py FOLDER
"""

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))

import model_zoo as zoo
import torch
from tiny_models import Endless, Filter, Instrument, Short, save

SEED = 7
FRAMES = 256
OUTLINED = {
    "name": "An outline",
    "sample_rate": 32000,
    "latency": {"forward": 5},
    "methods": {
        "forward": {
            "in_channels": 3,
            "in_ratio": 1,
            "out_channels": 2,
            "out_ratio": 16,
            "input_labels": ["x", "y", "z"],
        },
        "another": {"in_channels": 1, "in_ratio": 4, "out_channels": 1, "out_ratio": 1},
    },
    "attributes": {"drive": {"types": ["float", "string"]}, "bare": {}},
}


def main() -> None:
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tensor = torch.tensor
    models = {
        "attributes": zoo.Attributes(),
        "filter": Filter(),
        "instrument": Instrument(),
        "draws": zoo.Draws(),
        "stochastic": zoo.Stochastic(),
        "for_one": zoo.ForOne(),
        "noisy_for_one": zoo.ForOne(noisy=True),
        "nested": zoo.Nested(),
        "coder": zoo.Coder(),
        "coder_of_three": zoo.Coder(latents=3),
        "biased_coder": zoo.Coder(bias=0.25),
        "short": Short(),
        "endless": Endless(),
        "not_a_tensor": zoo.NotATensor(),
        "numbered": zoo.Numbered(tensor([1, 1, 1, 1])),
        "params_none": zoo.Params(None),
        "params_three": zoo.Params(tensor([1, 1, 1])),
        "params_negative": zoo.Params(tensor([1, -1, 1, 1])),
        "params_huge": zoo.Params(tensor([1 << 40, 1, 1, 1])),
        "params_fraction": zoo.Params(tensor([1.5, 1, 1, 1])),
        "params_nan": zoo.Params(tensor([float("nan"), 1, 1, 1])),
        "params_expanded": zoo.Params(tensor([1]).expand(1 << 40)),
        "params_text": zoo.Params("1 1 1 1"),
        "params_float": zoo.Params(tensor([1.0, 1.0, 1.0, 1.0])),
        "params_list": zoo.Params([1, 1, 1, 1]),
    }
    for how in ("long", "flat", "nan", "double", "complex", "sparse", "endless"):
        models[f"returns_{how}"] = zoo.BadManners(how)
    for how in ("endless", "throws", "rubbish", "empty"):
        models[f"introduced_{how}"] = zoo.Introduced(how)
    for name, model in models.items():
        save(model, folder / f"{name}.ts")
    save(Filter(), folder / "outlined.ts", json.dumps(OUTLINED))
    for name in ("draws", "stochastic"):
        torch.manual_seed(SEED)
        model = torch.jit.load(str(folder / f"{name}.ts"))
        with torch.no_grad():  # with gradients, TorchScript's dropout draws otherwise
            blocks = [model(torch.zeros(1, 1, FRAMES)) for _ in range(8)]
        expected = torch.cat(blocks, -1).flatten().numpy()
        (folder / f"{name}.expected").write_bytes(expected.tobytes())


if __name__ == "__main__":
    main()
