// TorchScript behind the core's interface. The only part that includes libtorch.
#pragma once

#include <memory>
#include <string>

#include "model.h"

namespace timbrel {

// Verifies and loads a model file. Throws std::runtime_error with one line that begins with the
// file's name.
std::shared_ptr<Prototype> load_torch_model(const std::string& path);

const char* torch_version();

// Whether a thread is inside libtorch for us, be it one that will never come back.
bool inside_libtorch();

}  // namespace timbrel
