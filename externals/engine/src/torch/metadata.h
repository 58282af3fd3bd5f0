// timbrel.json: what our models say about themselves beyond what every model file says.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "model.h"

namespace timbrel {

// A file that says more is broken. A host makes an inlet or an outlet of every channel.
constexpr int kMostChannels = 1024;
constexpr int kLargestRatio = 1 << 20;
constexpr int kLongestLatency = 1 << 24;  // samples
constexpr double kHighestRate = 1e7;      // Hz

// Absent or unknown fields are normal: what is not there keeps its default.
struct Metadata {
    std::string text;  // as it stands in the file; empty where that is not JSON
    std::string name;
    double sample_rate = 0;              // Hz
    std::map<std::string, int> latency;  // per method, samples
    std::string torch_version;           // that the file was made with

    static Metadata parse(const std::string& json);
};

// Makes the description's block fit a method's ratios as well: it must be cut to whole values at
// every inlet and outlet, whichever method is played. False where there is no such block.
bool take_unit(Description& description, const Shape& shape);

// The methods and attributes of a description as they stand in timbrel.json, and back: nothing
// where the text has no method, or one that no file can have.
std::string write_outline(const Description& description);
std::optional<Description> read_outline(const std::string& json);

}  // namespace timbrel
