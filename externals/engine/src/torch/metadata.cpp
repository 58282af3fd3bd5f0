#include "metadata.h"

#include <nlohmann/json.hpp>

namespace timbrel {

Metadata Metadata::parse(const std::string& text) {
    Metadata metadata;
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object())
        return metadata;
    const auto string = [&](const char* key) {
        const auto it = json.find(key);
        return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
    };
    metadata.name = string("name");
    metadata.torch_version = string("torch_version");
    if (const auto it = json.find("sample_rate"); it != json.end() && it->is_number()) {
        metadata.sample_rate = it->get<double>();
    }
    if (const auto it = json.find("latency"); it != json.end() && it->is_object()) {
        for (const auto& [method, samples] : it->items()) {
            if (samples.is_number_integer())
                metadata.latency[method] = samples.get<int>();
        }
    }
    return metadata;
}

}  // namespace timbrel
