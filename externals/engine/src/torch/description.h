// What a loaded module says about itself (contract 1).
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <optional>
#include <string>
#include <vector>

#include "metadata.h"
#include "model.h"

namespace timbrel {

// Runs the functions of the model that describe it. Throws std::runtime_error, with a line that is
// not about torch but about the model, where they fail or none of its methods can be played.
Description describe(torch::jit::Module& module, const Metadata& metadata);

// What a list or tuple holds; nothing where `value` is neither. nn~ 1.3 has tuples where its later
// versions have lists.
std::optional<std::vector<c10::IValue>> elements_of(const c10::IValue& value);

// A tensor, list or tuple of whole numbers, `most` of them or fewer; nothing where it is something
// else.
std::optional<std::vector<int64_t>> small_integers(const c10::IValue& value, int64_t most);

// The strings of a list or tuple that a function without arguments returns; empty where the model
// has no such function. Throws std::runtime_error where it fails, or returns something else.
std::vector<std::string> call_for_strings(torch::jit::Module& module, const std::string& function);

}  // namespace timbrel
