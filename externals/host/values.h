// What boxes and messages are made of, whatever the host: numbers and words.
#pragma once

#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "timbrel/engine.h"

namespace timbrel::host {

using Value = std::variant<double, std::string>;
using Values = std::vector<Value>;

// A word as it is, a number as a person would write it.
std::string text_of(const Value& value);

// What the engine reads; owns what the atoms point to.
class EngineAtoms {
  public:
    void add(double number);
    void add(const std::string& text);
    void add(const Value& value);
    // A name that goes with the content of the host's buffer of that name. `samples` is (channels,
    // frames).
    void add_buffer(const std::string& name, int channels, double sample_rate,
                    std::vector<float> samples);

    // Of one atom; empty where that is a number.
    std::string text(size_t index) const {
        return index < atoms_.size() && atoms_[index].text ? atoms_[index].text : "";
    }
    const timbrel_atom* data() const { return atoms_.data(); }
    int32_t size() const { return static_cast<int32_t>(atoms_.size()); }

  private:
    // Elements stay where they are when others are added.
    std::deque<std::string> texts_;
    std::deque<std::vector<float>> samples_;
    std::deque<timbrel_buffer> buffers_;
    std::vector<timbrel_atom> atoms_;
};

}  // namespace timbrel::host
