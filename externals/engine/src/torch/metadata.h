// timbrel.json: what our models say about themselves beyond what every model file says.
#pragma once

#include <map>
#include <string>

namespace timbrel {

// Absent or unknown fields are normal: what is not there keeps its default.
struct Metadata {
    std::string name;
    double sample_rate = 0;              // Hz
    std::map<std::string, int> latency;  // per method, samples
    std::string torch_version;           // that the file was made with

    static Metadata parse(const std::string& json);
};

}  // namespace timbrel
