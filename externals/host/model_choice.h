// Which file and which method a box means.
#pragma once

#include <string>

#include "timbrel/engine.h"

namespace timbrel::host {

// ".ts" may be left out in names.
std::string without_extension(const std::string& name);

// The method of that name, else `forward`, else the first, with a line in `complaint` which lists
// what there is; null, with a line likewise, where there is none.
const timbrel_method_info* choose_method(const timbrel_model_info& info, const std::string& name,
                                         std::string& complaint);

}  // namespace timbrel::host
