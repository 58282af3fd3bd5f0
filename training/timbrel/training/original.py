"""Weights from a checkpoint of RAVE, the authors' own program (v1, v2), for fine-tuning.

Both programs build a network's layers in the order in which ours does, under names of their own.
Layers are therefore paired by their order, and every pair must agree in kind and shape.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
import torch._utils
from torch import Tensor

from timbrel.config import Config, load_preset, with_overrides
from timbrel.errors import UserError
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.run import Weights

#: Endings of a layer's entries in a state, each with what it is called in ours.
_ENDINGS = {
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
    "parametrizations.weight.original0": "parametrizations.weight.original0",
    "parametrizations.weight.original1": "parametrizations.weight.original1",
    "running_mean": "running_mean",
    "running_var": "running_var",
    "num_batches_tracked": "num_batches_tracked",
    "weight": "weight",
    "bias": "bias",
}

Layers = list[tuple[str, dict[str, Tensor]]]


@dataclass(frozen=True)
class Original:
    """What a checkpoint of RAVE holds that can be used, and what cannot."""

    config: Config
    weights: Weights
    report: list[str]  #: what was left, in plain words


def read_original(path: Path, overrides: list[str], sample_rate: int) -> Original:
    """A network as its authors' program left it, in ours.

    Args:
        path: the ``.ckpt`` file.
        overrides: ``section.key=value``; what weights do not tell, dilations for instance.
        sample_rate: in Hz, where the file does not state one.

    Raises:
        UserError: when it is no checkpoint of RAVE v1 or v2, or of a variant that ours lacks.
    """
    content = _read(path)
    state = {k: v for k, v in content["state_dict"].items() if isinstance(v, Tensor)}
    prefix = "encoder.encoder." if any(k.startswith("encoder.encoder.") for k in state) else ""
    prefix = prefix or "encoder."
    encoder, decoder = _layers(state, prefix), _layers(state, "decoder.")
    if not encoder or not decoder:
        raise UserError(
            f"{path}: holds no encoder and decoder; is it a checkpoint of RAVE v1 or v2?"
        )
    config = _configuration(path, content, encoder, decoder, prefix, overrides, sample_rate)
    with torch.random.fork_rng(devices=[]):
        model = Autoencoder(config.model)
    _fill(path, model.encoder, encoder, "encoder")
    _fill(path, model.decoder, decoder, "decoder")
    parts = sorted({k.split(".")[0] for k in state} - {"encoder", "decoder"})
    report = [
        f"left in the file: {', '.join(parts)}" if parts else "nothing was left in the file",
        "the filter bank is ours, of the same form: a few steps of training adapt to it",
    ]
    if config.model.padding == "causal":
        report.append("upsampling is fully causal here: what was learned comes up to 31 ms earlier")
    return Original(config, Weights(model.eval(), str(path.resolve())), report)


def _layers(state: dict[str, Tensor], prefix: str) -> Layers:
    """The layers of a part, in the order in which they were built."""
    layers: OrderedDict[str, dict[str, Tensor]] = OrderedDict()
    for name, value in state.items():
        ending = next((e for e in _ENDINGS if name.endswith("." + e)), None)
        if name.startswith(prefix) and ending is not None:
            layers.setdefault(name.removesuffix("." + ending), {})[_ENDINGS[ending]] = value
    return list(layers.items())


def _weight(layer: dict[str, Tensor]) -> Tensor | None:
    return layer.get("parametrizations.weight.original1", layer.get("weight"))


def _configuration(
    path: Path,
    content: dict[str, Any],
    encoder: Layers,
    decoder: Layers,
    prefix: str,
    overrides: list[str],
    sample_rate: int,
) -> Config:
    stated = content.get("hyper_parameters", {})
    convolutions = [w for _, layer in encoder if (w := _weight(layer)) is not None and w.dim() == 3]
    if len(convolutions) < 3:
        raise UserError(f"{path}: its encoder is none of RAVE v1 or v2")
    v1 = any("running_mean" in layer for _, layer in encoder)
    capacity, bands = convolutions[0].shape[:2]
    # Between the first and the last, those that change the number of channels: kernels of 2r + 1
    # (v1) or 2r (v2) at stride r.
    ratios = [w.shape[2] // 2 for w in convolutions[1:-1] if w.shape[0] != w.shape[1]]
    units = [w.shape[2] for w in convolutions[1:-1] if w.shape[0] == w.shape[1] and w.shape[2] > 1]
    noise = v1 and any(
        _weight(layer) is not None and "parametrizations.weight.original1" not in layer
        for _, layer in decoder
    )
    if "sr" in stated:
        sample_rate = int(stated["sr"])
    values = [
        f"model.sample_rate={sample_rate}",
        f"model.capacity={capacity}",
        f"model.latents={convolutions[-1].shape[0] // 2}",
        f"model.ratios={ratios}",
        f"model.pqmf.bands={bands}",
    ]
    if v1:
        # Today's program dilates by 1, 3, 5; that of the paper, whose encoder is not wrapped, by
        # powers of three.
        values.append(f"model.dilations={[1, 3, 9] if prefix == 'encoder.' else [1, 3, 5]}")
        if not noise:
            values.append("model.noise=null")
        if stated.get("no_latency"):
            values.append("model.padding=causal")
    elif len(units) != 11:
        raise UserError(
            f"{path}: its encoder has {len(units)} dilated units, and RAVE v2 has 11: it is a "
            "variant that cannot be read"
        )
    return with_overrides(load_preset("v1" if v1 else "v2", values), overrides)


def _fill(path: Path, module: torch.nn.Module, layers: Layers, part: str) -> None:
    own = _layers({f".{k}": v for k, v in module.state_dict().items()}, ".")
    if len(own) != len(layers):
        raise UserError(
            f"{path}: its {part} has {len(layers)} layers where ours has {len(own)}: it is a "
            "variant that cannot be read (a recurrent layer, or discrete latents?)"
        )
    filled = {}
    for (name, mine), (theirs, given) in zip(own, layers, strict=True):
        if mine.keys() != given.keys():
            raise UserError(
                f"{path}: {theirs} has {', '.join(sorted(given))} where ours has "
                f"{', '.join(sorted(mine))}"
            )
        for ending, value in mine.items():
            if value.shape != given[ending].shape:
                raise UserError(
                    f"{path}: {theirs} is {tuple(given[ending].shape)} where ours is "
                    f"{tuple(value.shape)}; give what differs with --set model.KEY=VALUE"
                )
            filled[f"{name}.{ending}".removeprefix(".")] = given[ending]
    module.load_state_dict(filled)


class _Inert:
    """Stands for whatever else was pickled beside the weights; does nothing."""

    def __init__(self, *arguments: object, **options: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, value: object) -> None: ...

    def extend(self, values: object) -> None: ...

    def __hash__(self) -> int:
        return id(self)


class _Careful(pickle.Unpickler):
    """Builds tensors and what Python itself offers; a checkpoint from the net runs nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            return getattr(torch._utils, name)
        if module == "torch" and name.endswith("Storage"):
            return getattr(torch, name)
        return _Inert


class _CarefulPickle:
    """What `torch.load` expects of a module named pickle."""

    Unpickler = _Careful

    @staticmethod
    def load(file: IO[bytes], **options: Any) -> Any:
        return _Careful(file, **options).load()


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"{path}: no such run or checkpoint")
    try:
        content = torch.load(
            path, map_location="cpu", pickle_module=_CarefulPickle, weights_only=False
        )
        content["state_dict"].items()
    except Exception as error:
        # Torch and pickle raise a dozen kinds of errors here, and none of their texts helps.
        raise UserError(
            f"{path}: not readable as a checkpoint ({type(error).__name__}); it is damaged, or "
            "something else"
        ) from None
    hyper = content.get("hyper_parameters")
    return {**content, "hyper_parameters": hyper if isinstance(hyper, dict) else {}}
