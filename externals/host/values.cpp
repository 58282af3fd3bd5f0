#include "values.h"

#include <cstdio>
#include <utility>

namespace timbrel::host {

std::string text_of(const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value))
        return *text;
    char line[32];
    std::snprintf(line, sizeof(line), "%g", std::get<double>(value));
    return line;
}

void EngineAtoms::add(double number) {
    atoms_.push_back({number, nullptr, nullptr});
}

void EngineAtoms::add(const std::string& text) {
    atoms_.push_back({0, texts_.emplace_back(text).c_str(), nullptr});
}

void EngineAtoms::add(const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
        add(*text);
    } else {
        add(std::get<double>(value));
    }
}

void EngineAtoms::add_buffer(const std::string& name, int channels, double sample_rate,
                             std::vector<float> samples) {
    add(name);
    const auto& kept = samples_.emplace_back(std::move(samples));
    timbrel_atom& atom = atoms_.back();
    atom.buffer = &buffers_.emplace_back(
        timbrel_buffer{atom.text, channels, static_cast<int64_t>(kept.size()) / channels,
                       sample_rate, kept.data()});
}

}  // namespace timbrel::host
