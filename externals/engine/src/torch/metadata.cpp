#include "metadata.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>

namespace timbrel {
namespace {

using Json = nlohmann::ordered_json;  // methods stand in the order of the model's author

// In the order of ElementType.
constexpr std::array<const char*, 6> kTypeNames{"bool",   "int",    "float",
                                                "string", "tensor", "buffer"};

const Json* find(const Json& object, const char* key) {
    const auto it = object.find(key);
    return it == object.end() ? nullptr : &*it;
}

std::string string(const Json& object, const char* key) {
    const Json* value = find(object, key);
    return value && value->is_string() ? value->get<std::string>() : std::string();
}

// A whole number of 1 to `most`.
bool read_count(const Json& object, const char* key, int most, int& number) {
    const Json* value = find(object, key);
    if (!value || !value->is_number_integer())
        return false;
    const auto count = value->get<int64_t>();
    number = static_cast<int>(count);
    return count >= 1 && count <= most;
}

std::vector<std::string> read_labels(const Json& object, const char* key, int count) {
    std::vector<std::string> labels(static_cast<size_t>(count));
    const Json* list = find(object, key);
    for (size_t i = 0; list && list->is_array() && i < std::min(list->size(), labels.size()); ++i) {
        if ((*list)[i].is_string())
            labels[i] = (*list)[i].get<std::string>();
    }
    return labels;
}

std::vector<ElementType> read_types(const Json& attribute) {
    std::vector<ElementType> types;
    const Json* names = attribute.is_object() ? find(attribute, "types") : nullptr;
    if (!names || !names->is_array())
        return types;
    for (const Json& name : *names) {
        const auto known = std::find(kTypeNames.begin(), kTypeNames.end(), name);
        if (known == kTypeNames.end())
            return {};
        types.push_back(static_cast<ElementType>(known - kTypeNames.begin()));
    }
    return types;
}

}  // namespace

Metadata Metadata::parse(const std::string& text) {
    Metadata metadata;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return metadata;
    metadata.text = text;
    metadata.name = string(json, "name");
    metadata.torch_version = string(json, "torch_version");
    if (const Json* rate = find(json, "sample_rate"); rate && rate->is_number()) {
        const auto hz = rate->get<double>();
        metadata.sample_rate = hz > 0 && hz <= kHighestRate ? hz : 0;
    }
    if (const Json* latency = find(json, "latency"); latency && latency->is_object()) {
        for (const auto& [method, samples] : latency->items()) {
            if (samples.is_number_integer()) {
                metadata.latency[method] = static_cast<int>(
                    std::clamp<int64_t>(samples.get<int64_t>(), 0, kLongestLatency));
            }
        }
    }
    return metadata;
}

bool take_unit(Description& description, const Shape& shape) {
    const int64_t unit = std::lcm(std::lcm<int64_t>(description.max_ratio, shape.in_ratio),
                                  int64_t{shape.out_ratio});
    if (unit > kLargestRatio)
        return false;
    description.max_ratio = static_cast<int>(unit);
    return true;
}

std::string write_outline(const Description& description) {
    Json json{{"name", description.name}, {"sample_rate", description.sample_rate}};
    json["latency"] = json["methods"] = json["attributes"] = Json::object();
    for (const Method& method : description.methods) {
        json["latency"][method.name] = method.latency;
        json["methods"][method.name] = {
            {"in_channels", method.shape.in_channels},   {"in_ratio", method.shape.in_ratio},
            {"out_channels", method.shape.out_channels}, {"out_ratio", method.shape.out_ratio},
            {"input_labels", method.input_labels},       {"output_labels", method.output_labels}};
    }
    for (const Attribute& attribute : description.attributes) {
        Json types = Json::array();
        for (const ElementType type : attribute.elements)
            types.push_back(kTypeNames.at(static_cast<size_t>(type)));
        json["attributes"][attribute.name] = {{"types", types}};
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Description> read_outline(const std::string& text) {
    const Json json = Json::parse(text, nullptr, false);
    const Json* methods = json.is_object() ? find(json, "methods") : nullptr;
    if (!methods || !methods->is_object() || methods->empty())
        return std::nullopt;
    const Metadata metadata = Metadata::parse(text);
    Description description{.name = metadata.name, .sample_rate = metadata.sample_rate};
    for (const auto& [name, object] : methods->items()) {
        Method method{.name = name};
        Shape& shape = method.shape;
        if (!object.is_object() ||
            !read_count(object, "in_channels", kMostChannels, shape.in_channels) ||
            !read_count(object, "in_ratio", kLargestRatio, shape.in_ratio) ||
            !read_count(object, "out_channels", kMostChannels, shape.out_channels) ||
            !read_count(object, "out_ratio", kLargestRatio, shape.out_ratio) ||
            !take_unit(description, shape))
            return std::nullopt;
        method.input_labels = read_labels(object, "input_labels", shape.in_channels);
        method.output_labels = read_labels(object, "output_labels", shape.out_channels);
        if (const auto it = metadata.latency.find(name); it != metadata.latency.end())
            method.latency = it->second;
        description.methods.push_back(std::move(method));
    }
    if (const Json* attributes = find(json, "attributes"); attributes && attributes->is_object()) {
        for (const auto& [name, attribute] : attributes->items())
            description.attributes.push_back({name, read_types(attribute)});
    }
    return description;
}

}  // namespace timbrel
