// Instances of a loaded module, and the module as another device or precision has it.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

#include "model.h"

namespace timbrel {

// A module that shares its code (and with it the optimised executors) and its parameters with
// `prototype`, and owns everything else: buffers, and tensors inside lists, tuples, dictionaries
// and objects. Module::copy() shares those as well, deepcopy() and clone() share nothing.
torch::jit::Module instantiate(const torch::jit::Module& prototype);

// Where a placement's tensors live and what they are made of.
struct TensorPlace {
    at::Device device = at::kCPU;
    at::ScalarType type = at::kFloat;

    // float32 leaves a tensor of integers or of another precision as the file has it, except where
    // the device cannot hold it.
    at::Tensor convert(const at::Tensor& tensor) const;
};

// Throws std::runtime_error that says what there is, where the placement is not to be had here.
TensorPlace resolve(const Placement& placement);

// A module of which every tensor, parameters included, has moved to `place`.
torch::jit::Module convert(const torch::jit::Module& module, const TensorPlace& place);

}  // namespace timbrel
