// Which of Max's channels is which of the model's.
#pragma once

#include <vector>

#include "timbrel/engine.h"

namespace timbrel::max {

// nn~ has an inlet per channel of the model; mc.nn~ too, with the examples in the channels of each;
// mcs.nn~ has an inlet per example, with the model's channels in those of each.
enum class Kind { single, mc, mcs };

// What an object and its stream look like from outside.
struct Shape {
    Kind kind = Kind::single;
    int channels_in = 1, channels_out = 1;  // of the model
    int examples = 1;
    int width = 0;  // of each outlet; 0: as many channels as there is sound for

    int inlets() const { return kind == Kind::mcs ? examples : channels_in; }
    int outlets() const { return kind == Kind::mcs ? examples : channels_out; }
    int outlet_width() const {
        if (kind == Kind::single)
            return 1;
        return width ? width : kind == Kind::mcs ? channels_out : examples;
    }
};

// Max gives the channels of the first inlet, then those of the second, and so on; the engine takes
// the channels of the first example, then those of the second.
class Wiring {
  public:
    // `inlet_widths`: channels that Max brings to each inlet.
    Wiring(const Shape& shape, const std::vector<long>& inlet_widths);
    Wiring() = default;

    // Channels that neither side has are silent. Outputs that no channel of the model reaches are
    // cleared by the second function, after the model's input was read from what may be the same
    // memory.
    void connect(const double* const* ins, long in_count, double* const* outs,
                 long out_count) noexcept TIMBREL_NONBLOCKING;
    void clear_unreached(double* const* outs, long out_count,
                         long frames) const noexcept TIMBREL_NONBLOCKING;

    const double* const* inputs() const noexcept TIMBREL_NONBLOCKING { return inputs_.data(); }
    double* const* outputs() const noexcept TIMBREL_NONBLOCKING { return outputs_.data(); }

  private:
    std::vector<long> sources_, targets_;  // of Max's channels, by those of the engine; -1: none
    std::vector<long> unreached_;          // of Max's outputs
    long out_count_ = 0;                   // that there were of those
    std::vector<const double*> inputs_;
    std::vector<double*> outputs_;
};

}  // namespace timbrel::max
