// Whether a loaded module is what its code takes it for.
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace timbrel {

// Loading fills the attributes of objects with whatever stands in the file, and compiled code reads
// them without looking. Throws std::runtime_error where one is not of its declared type.
void check_types(const torch::jit::Module& module);

}  // namespace timbrel
