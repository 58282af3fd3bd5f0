// The audio of a patch.
#include <algorithm>
#include <stdexcept>

#include "host.h"

namespace maxhost {
namespace {

long long_method(const Box& box, const char* name, long first, long second) {
    const auto found = box.of->methods.find(name);
    if (found == box.of->methods.end())
        return -1;
    return reinterpret_cast<long (*)(t_object*, long, long)>(
        reinterpret_cast<void*>(found->second.function))(box.object, first, second);
}

long sum(const std::vector<long>& widths) {
    long total = 0;
    for (const long width : widths)
        total += width;
    return total;
}

}  // namespace

Chain::Chain(Box& box, std::vector<long> inlet_widths)
    : box_(box), widths_(std::move(inlet_widths)) {
    const std::lock_guard lock(Host::get().tables);
    Host::get().chains[&header_] = this;
}

Chain::~Chain() {
    const std::lock_guard lock(Host::get().tables);
    Host::get().chains.erase(&header_);
}

void Chain::compile(double rate, long vector) {
    if (!Host::get().on_main_thread())
        throw std::logic_error("the audio is compiled by the main thread");
    const std::lock_guard lock(running_);
    broken_ = false;
    perform_ = nullptr;
    vector_ = vector;
    const auto* header = reinterpret_cast<const t_pxobject*>(box_.object);
    const bool multichannel = header->z_misc & Z_MC_INLETS;
    seen_.assign(static_cast<size_t>(box_.signal_inlets), 1);
    for (size_t i = 0; i < seen_.size(); ++i) {
        // An inlet without a cable brings one channel of zeros; an object that knows nothing of
        // several gets the first one.
        if (multichannel && i < widths_.size())
            seen_[i] = std::max(1L, widths_[i]);
        long_method(box_, "inputchanged", static_cast<long>(i), seen_[i]);
    }
    outlet_widths_.clear();
    std::vector<short> connected(box_.outlets.size() + seen_.size(), 1);
    for (size_t i = 0; i < box_.outlets.size(); ++i) {
        const std::string& type = box_.outlets[box_.outlets.size() - 1 - i];
        if (type == "signal")
            outlet_widths_.push_back(1);
        if (type == "multichannelsignal")
            outlet_widths_.push_back(
                long_method(box_, "multichanneloutputs", static_cast<long>(i), 0));
    }
    const method dsp64 = box_.of->methods.at("dsp64").function;
    reinterpret_cast<void (*)(t_object*, t_object*, short*, double, long, long)>(
        reinterpret_cast<void*>(dsp64))(box_.object, &header_, connected.data(), rate, vector, 0);
}

long Chain::channels(bool outlets, long index) const {
    return (outlets ? outlet_widths_ : seen_).at(static_cast<size_t>(index));
}

void Chain::add(t_object* object, t_perfroutine64 function, void* parameter) {
    if (object != box_.object)
        throw std::logic_error("an object adds itself to the chain");
    perform_ = function;
    parameter_ = parameter;
}

void Chain::forget(t_object* object) {
    const std::lock_guard lock(running_);
    if (object == box_.object)
        perform_ = nullptr;
}

std::vector<std::vector<double>> Chain::tick(const std::vector<std::vector<double>>& ins,
                                             bool in_place) {
    const std::lock_guard lock(running_);
    const auto frames = static_cast<size_t>(vector_);
    const auto inputs = static_cast<size_t>(sum(seen_));
    const auto outputs = static_cast<size_t>(sum(outlet_widths_));
    std::vector<std::vector<double>> memory(inputs + outputs, std::vector<double>(frames, 0.0));
    std::vector<double*> in, out;
    for (size_t i = 0; i < inputs; ++i) {
        if (i < ins.size())
            std::copy_n(ins[i].begin(), std::min(frames, ins[i].size()), memory[i].begin());
        in.push_back(memory[i].data());
    }
    for (size_t i = 0; i < outputs; ++i) {
        const bool shared = in_place && i < inputs;
        out.push_back(memory[shared ? i : inputs + i].data());
        // What another object left there.
        if (!shared)
            std::fill_n(out.back(), frames, 1e9);
    }
    if (perform_)
        perform_(box_.object, &header_, in.data(), static_cast<long>(inputs), out.data(),
                 static_cast<long>(outputs), vector_, 0, parameter_);
    std::vector<std::vector<double>> result;
    for (const double* each : out)
        result.emplace_back(each, each + frames);
    return result;
}

std::vector<std::vector<double>> Chain::play(const std::vector<std::vector<double>>& ins,
                                             bool in_place) {
    const auto frames = static_cast<size_t>(vector_);
    std::vector<std::vector<double>> whole(static_cast<size_t>(sum(outlet_widths_)));
    for (size_t start = 0; start + frames <= ins.at(0).size(); start += frames) {
        std::vector<std::vector<double>> part;
        for (const auto& channel : ins)
            part.emplace_back(channel.begin() + static_cast<long>(start),
                              channel.begin() + static_cast<long>(start + frames));
        const auto heard = tick(part, in_place);
        for (size_t i = 0; i < whole.size(); ++i)
            whole[i].insert(whole[i].end(), heard[i].begin(), heard[i].end());
    }
    return whole;
}

}  // namespace maxhost
