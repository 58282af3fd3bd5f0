// What a stream was asked to play, and what it plays.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "model.h"
#include "rate_conversion.h"
#include "schedule.h"

namespace timbrel {

// All that a voice is made from.
struct Settings {
    std::string path;
    std::string method = "forward";
    int buffer = -1;       // samples; -1: the default; 0: computed inside the call
    double slack_ms = -1;  // that inference is given; < 0: as long as a block, or a vector
    Placement placement;
    bool resample = false;

    bool operator==(const Settings&) const = default;
};

// What is played or, as soon as the audio thread calls again, will be.
struct Loaded {
    Settings settings;
    std::shared_ptr<const Prototype> prototype;
    Method method;
    int block = 0;          // samples that the model computes at once, before a vector is known
    bool blocking = false;  // buffer 0: blocks are due in the call that completes them
    LatentPath latent_path;
    double seconds_per_block = 0;  // as measured before it was heard

    // [any] How its signal is cut, for a host's rate and vector.
    Schedule schedule(double sample_rate, int vector, bool varies) const;
    // The rate in Hz that it runs at, in a host at this one.
    double rate(double sample_rate) const;
    bool converts(double sample_rate) const { return rate(sample_rate) != sample_rate; }
    // What has to be known to convert rates; only where it does.
    RateConversion::Layout conversion(const Schedule& schedule, int batch) const;
    // In samples at the host's rate: the model's own delay, and that of converting rates.
    int model_latency(double sample_rate) const;
    int resampling_latency(const Schedule& schedule) const;
};

// Opens a model file, or finds it open; throws std::runtime_error with a line for a person.
using Load = std::function<std::shared_ptr<Prototype>(const std::string& path)>;

constexpr int kLargestBuffer = 1 << 24;  // samples

// Looks up what `settings` ask for; throws where there is no such thing. Runs nothing: the latent
// path and the seconds are still to be found out.
Loaded resolve(const Settings& settings, std::shared_ptr<const Prototype> prototype);

}  // namespace timbrel
