// Where a model's name leads to.
#pragma once

#include <m_pd.h>

#include <string>

namespace timbrel::pd {

// The path of a model named with or without .ts: in the package's models folder, then in the
// patch's folder, then in Pd's search path. Empty with a line in `error` where there is none.
std::string find_model(const t_canvas* canvas, const std::string& name, std::string& error);

}  // namespace timbrel::pd
