// What stands behind the name in an object's box.
#pragma once

#include <m_pd.h>

#include <string>
#include <vector>

#include "timbrel/engine.h"

namespace timbrel::pd {

constexpr int kMostChannels = 1024;

// [nn~ flags model method buffer] or [nn~ flags void inlets outlets buffer].
struct Arguments {
    bool multichannel = false;  // -m: one inlet and one outlet, whose channels are the model's
    bool gpu = false;           // -gpu, -g
    bool enabled = true;        // false: -d
    std::string model;          // empty: void
    std::string method = "forward";
    int buffer = TIMBREL_BUFFER_DEFAULT;
    int inlets = 1, outlets = 1;          // of void
    std::vector<std::string> complaints;  // what was not understood, a line each
};

Arguments parse_arguments(int count, const t_atom* atoms);

}  // namespace timbrel::pd
