// The package that the external lies in, and where models are found.
#pragma once

#include <filesystem>
#include <string>

#include "host/engine_library.h"
#include "max_api.h"

namespace timbrel::max {

// The folder with `externals`, `support` and `models`.
const std::filesystem::path& package_folder();

// The engine in `support`, opened the first time. Null with a line in `error`, which is then the
// same every time.
const timbrel_api* engine(std::string& error);

// The path of a model named with or without .ts: in the package's models folder, then in the folder
// of the object's patch, then in Max's search path. Empty with a line in `error` where there is
// none. [main thread]
std::string find_model(t_object* object, const std::string& name, std::string& error);

}  // namespace timbrel::max
