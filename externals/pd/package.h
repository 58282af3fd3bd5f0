// Where things lie: the package that the external was loaded from, and what is found from there.
#pragma once

#include <m_pd.h>

#include <filesystem>
#include <string>

#include "timbrel/engine.h"

namespace timbrel::pd {

// The folder that this external was loaded from.
std::filesystem::path package_folder();

// The engine of the package, opened the first time. Null with a line in `error`, which is then the
// same every time: what could not be loaded will not be until Pd is started again.
const timbrel_api* engine(std::string& error);

// The path of a model named with or without .ts: in the package's models folder, then in the
// patch's folder, then in Pd's search path. Empty with a line in `error` where there is none.
std::string find_model(const t_canvas* canvas, const std::string& name, std::string& error);

}  // namespace timbrel::pd
