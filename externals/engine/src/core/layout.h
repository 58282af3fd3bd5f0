// How a host calls: what everything that is played has to fit into.
#pragma once

#include <algorithm>
#include <memory>

#include "history.h"
#include "schedule.h"

namespace timbrel {

struct Channels {
    int inlets = 1;
    int outlets = 1;
    int batch = 1;
    bool roomy = false;  // more than a model has are no surprise
};

// Made by `prepare`, shared by all that is played until the next one.
struct Layout {
    int epoch = 0;  // counts the layouts of a stream, from 1; 0: none yet
    double sample_rate = 0;
    int vector = 0;
    bool varies = false;
    std::shared_ptr<History> history;
};

// What a voice looks back on: blocks that wait, and the dry signal.
inline int64_t needed_reach(const Schedule& schedule, int model_latency) {
    return schedule.latency() + model_latency + schedule.vector + int64_t{4} * schedule.block;
}

// Long enough to make a voice ready with, but not at any price: a decoder of many latents would
// keep far more than it is worth.
inline std::shared_ptr<History> make_history(const Channels& channels, double sample_rate,
                                             int vector, int64_t needed) {
    constexpr double kSeconds = 2;
    constexpr int64_t kMostSamples = int64_t{1} << 23;
    const int inlets = channels.inlets * channels.batch;
    const auto wanted = static_cast<int64_t>(
        std::min(kSeconds * sample_rate, static_cast<double>(kMostSamples / std::max(inlets, 1))));
    return std::make_shared<History>(inlets, std::max(wanted, needed) + vector, vector);
}

}  // namespace timbrel
