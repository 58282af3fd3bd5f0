// What stands behind the name in an object's box.
#pragma once

#include <m_pd.h>

#include "host/arguments.h"

namespace timbrel::pd {

// [nn~ flags model method buffer inlets outlets] or [nn~ flags void inlets outlets buffer].
struct Arguments : host::Arguments {
    bool multichannel = false;  // -m: one inlet and one outlet, whose channels are the model's
    bool gpu = false;           // -gpu, -g
    bool enabled = true;        // false: -d
};

Arguments parse_arguments(int count, const t_atom* atoms);

}  // namespace timbrel::pd
