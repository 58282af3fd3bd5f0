// Finds and opens libtimbrel_engine, which lies beside the external.
#pragma once

#include <filesystem>
#include <string>

#include "timbrel/engine.h"

namespace timbrel::pd {

// The folder that this external was loaded from: the package.
std::filesystem::path package_folder();

// Opens the library the first time. Null with a line in `error`, which is then the same every time:
// what could not be loaded will not be until Pd is started again.
const timbrel_api* engine(std::string& error);

}  // namespace timbrel::pd
