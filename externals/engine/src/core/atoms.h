// What messages are made of, on their way to a model and back.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace timbrel {

// The content of a host's buffer (buffer~ in Max, an array in Pd) at the moment it was sent.
struct HostBuffer {
    std::string name;
    int channels = 1;
    double sample_rate = 0;      // Hz
    std::vector<float> samples;  // (channels, samples.size() / channels)
};

// A number, a symbol, or a buffer of the host, which stands for its name where a string is
// expected.
using Atom = std::variant<double, std::string, std::shared_ptr<const HostBuffer>>;
using Atoms = std::vector<Atom>;

// What an object has to say. `selector` "error" and "notice" hold one line for a person, in a
// single string; all others are messages that a patch can route.
struct Event {
    std::string selector;
    Atoms atoms;
};

}  // namespace timbrel
