// What stands behind the name in an object's box.
#pragma once

#include <m_pd.h>

#include <vector>

#include "host/arguments.h"

namespace timbrel::pd {

// [nn~ flags model method buffer inlets outlets] or [nn~ flags void inlets outlets buffer].
struct Arguments : host::Arguments {
    bool multichannel = false;  // one inlet and one outlet, whose channels are the model's
    bool gpu = false;
    bool enabled = true;
};

struct Flag {
    const char* name;
    const char* does;
    bool Arguments::* member;
    bool value;
};

const std::vector<Flag>& flags();

Arguments parse_arguments(int count, const t_atom* atoms);

}  // namespace timbrel::pd
