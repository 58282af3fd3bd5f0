#include "settings.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace timbrel {

Schedule Loaded::schedule(double sample_rate, int vector, bool varies) const {
    Schedule schedule{block, vector, varies, 0, sample_rate};
    const bool converts = this->converts(sample_rate);
    if (converts)
        schedule.block = RateConversion::host_block(block, sample_rate, rate(sample_rate));
    if (blocking) {
        // Blocks as large as the vector cost no latency either, and fewer calls of the model.
        if (!varies && (converts || vector % block == 0))
            schedule.block = vector;
    } else if (settings.slack_ms < 0) {
        schedule.slack = std::max(schedule.block, vector);
    } else {
        // No more than the largest buffer, because what is not played for minutes is not missed;
        // and no more blocks than the audio thread can look through at every one.
        constexpr double kMostBlocks = 1024;
        const double slack = settings.slack_ms * sample_rate / 1000;
        const double most = std::min<double>(kLargestBuffer, kMostBlocks * schedule.block);
        schedule.slack = static_cast<int>(std::lround(std::min(slack, most)));
    }
    return schedule;
}

double Loaded::rate(double sample_rate) const {
    const double own = prototype->description().sample_rate;
    return settings.resample && own > 0 ? own : sample_rate;
}

RateConversion::Layout Loaded::conversion(const Schedule& schedule, int batch) const {
    return {method.shape,   batch, schedule.sample_rate, rate(schedule.sample_rate),
            schedule.block, block};
}

int Loaded::model_latency(double sample_rate) const {
    return static_cast<int>(std::lround(method.latency * sample_rate / rate(sample_rate)));
}

int Loaded::resampling_latency(const Schedule& schedule) const {
    if (!converts(schedule.sample_rate))
        return 0;
    return RateConversion(conversion(schedule, 1)).latency();
}

Loaded resolve(const Settings& settings, std::shared_ptr<const Prototype> prototype) {
    const Description& description = prototype->description();
    const Method* method = description.find(settings.method);
    if (!method) {
        std::string list;
        for (const Method& each : description.methods)
            list += (list.empty() ? "" : ", ") + each.name;
        throw std::runtime_error("no method '" + settings.method + "' in " + description.name +
                                 " (it has: " + list + ")");
    }
    if (settings.buffer < -1 || settings.buffer > kLargestBuffer) {
        throw std::runtime_error("a buffer has 0 to " + std::to_string(kLargestBuffer) +
                                 " samples, not " + std::to_string(settings.buffer));
    }
    const int unit = std::max(description.max_ratio, 1);
    const int wanted = settings.buffer < 0 ? kSmallestDefaultBlock : settings.buffer;
    Loaded loaded;
    loaded.settings = settings;
    loaded.method = *method;
    loaded.block = static_cast<int>(round_up(wanted, unit));
    loaded.blocking = settings.buffer == 0;
    loaded.prototype = std::move(prototype);
    return loaded;
}

}  // namespace timbrel
