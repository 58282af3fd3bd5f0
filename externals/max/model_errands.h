// The messages about the folder of models, which nn~ and nn.info share.
#pragma once

#include <string>

#include "host/errands.h"
#include "host/values.h"

namespace timbrel::max {

// [main thread] Begins what `available`, `download NAME [AS]` and `delete NAME` ask for; what comes
// of it is a tiding: available NAME..., downloaded FILE, deleted NAME or an error. Throws
// std::runtime_error with a line where the values are no good.
void run_model_errand(host::Errands& errands, const std::string& what, const host::Values& values);

}  // namespace timbrel::max
