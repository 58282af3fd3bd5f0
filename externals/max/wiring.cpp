#include "wiring.h"

#include <algorithm>

namespace timbrel::max {

Wiring::Wiring(const Shape& shape, const std::vector<long>& inlet_widths) {
    std::vector<long> first(inlet_widths.size() + 1, 0);
    for (size_t i = 0; i < inlet_widths.size(); ++i)
        first[i + 1] = first[i] + inlet_widths[i];
    const long width = shape.outlet_width();
    const bool transposed = shape.kind == Kind::mcs;
    std::vector<bool> reached(static_cast<size_t>(shape.outlets() * width), false);
    for (long example = 0; example < shape.examples; ++example) {
        for (long channel = 0; channel < shape.channels_in; ++channel) {
            const auto inlet = static_cast<size_t>(transposed ? example : channel);
            const long within = transposed ? channel : example;
            const bool there = inlet < inlet_widths.size() && within < inlet_widths[inlet];
            sources_.push_back(there ? first[inlet] + within : -1);
        }
        for (long channel = 0; channel < shape.channels_out; ++channel) {
            const long outlet = transposed ? example : channel;
            const long within = transposed ? channel : example;
            targets_.push_back(within < width ? outlet * width + within : -1);
            if (within < width)
                reached[static_cast<size_t>(targets_.back())] = true;
        }
    }
    out_count_ = static_cast<long>(reached.size());
    for (size_t i = 0; i < reached.size(); ++i) {
        if (!reached[i])
            unreached_.push_back(static_cast<long>(i));
    }
    inputs_.resize(sources_.size());
    outputs_.resize(targets_.size());
}

void Wiring::connect(const double* const* ins, long in_count, double* const* outs,
                     long out_count) noexcept TIMBREL_NONBLOCKING {
    for (size_t i = 0; i < sources_.size(); ++i) {
        const long source = sources_[i];
        inputs_[i] = source >= 0 && source < in_count ? ins[source] : nullptr;
    }
    for (size_t i = 0; i < targets_.size(); ++i) {
        const long target = targets_[i];
        outputs_[i] = target >= 0 && target < out_count ? outs[target] : nullptr;
    }
}

void Wiring::clear_unreached(double* const* outs, long out_count,
                             long frames) const noexcept TIMBREL_NONBLOCKING {
    for (const long out : unreached_) {
        if (out < out_count)
            std::fill_n(outs[out], frames, 0.0);
    }
    for (long out = out_count_; out < out_count; ++out)
        std::fill_n(outs[out], frames, 0.0);
}

}  // namespace timbrel::max
