// The classes nn~, mc.nn~ and mcs.nn~.
#pragma once

#include "wiring.h"

namespace timbrel::max {

// Called from ext_main() of the external of that name.
void register_class(const char* name, Kind kind);

}  // namespace timbrel::max
