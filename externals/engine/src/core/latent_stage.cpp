#include "latent_stage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>

namespace timbrel {
namespace {

constexpr float kLargest = 1e6F;
constexpr double kLongestMs = 3600e3;
constexpr float kNothing = std::numeric_limits<float>::quiet_NaN();
constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;  // 2^64 / the golden ratio

const char* name(LatentMove::Kind kind) {
    constexpr const char* names[] = {"set", "release", "bias", "scale", "noise", "freeze"};
    return names[static_cast<int>(kind)];
}

template <typename... Parts>
[[noreturn]] void refuse(const LatentMove& move, const Parts&... parts) {
    std::ostringstream line;
    line << "latent " << name(move.kind) << ": ";
    (line << ... << parts);
    throw std::runtime_error(line.str());
}

// The finaliser of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// with the constants of Stafford's variant 13).
uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

float finite(float value) {
    return std::isfinite(value) ? value : 0.0F;
}

}  // namespace

void check(const LatentMove& move, int latents) {
    if (latents < 1)
        refuse(move, "the model has no latents");
    if (move.index < -1 || move.index >= latents) {
        refuse(move, "there is no latent ", move.index, "; choose from 0 to ", latents - 1,
               ", or -1 for all");
    }
    if (!(std::abs(move.value) <= kLargest))
        refuse(move, move.value, " is no value for a latent; choose from -1000000 to 1000000");
    if (move.kind == LatentMove::Kind::noise && move.value < 0)
        refuse(move, move.value, " is below 0; noise takes its standard deviation");
    if (move.kind == LatentMove::Kind::freeze && move.value != 0 && move.value != 1)
        refuse(move, move.value, " is neither 0 nor 1");
    if (!(move.ms <= kLongestMs) || std::isinf(move.ms))
        refuse(move, move.ms, " ms is no time for a ramp; choose from 0 to 3600000");
}

double LatentStage::Ramp::progress(int64_t frame) const {
    if (frames <= 0)
        return 1;
    return std::clamp(static_cast<double>(frame - start + 1) / frames, 0.0, 1.0);
}

float LatentStage::Control::at(int64_t frame) const {
    const double progress = ramp.progress(frame);
    return progress >= 1 ? to : static_cast<float>(from + (double{to} - from) * progress);
}

bool LatentStage::Control::rests_at(float value, int64_t frame) const {
    return to == value && ramp.progress(frame) >= 1;
}

LatentStage::LatentStage(int latents, int batch, double sample_rate, double frame_samples)
    : batch_(batch),
      latents_(static_cast<size_t>(latents)),
      asked_(static_cast<size_t>(latents)),
      frozen_at_(static_cast<size_t>(batch) * latents),
      last_(static_cast<size_t>(batch) * latents) {
    for (Latent& latent : latents_) {
        for (auto* values : {&latent.from, &latent.frozen_at, &latent.base})
            values->resize(static_cast<size_t>(batch));
    }
    for (Asked& asked : asked_)
        asked.set.store(kNothing, std::memory_order_relaxed);
    for (std::atomic<float>& value : frozen_at_)
        value.store(kNothing, std::memory_order_relaxed);
    restart(sample_rate, frame_samples);
    seed(std::nullopt);
}

void LatentStage::seed(std::optional<uint64_t> seed) {
    if (seed) {
        seed_ = *seed;
    } else {
        std::random_device device;
        seed_ = uint64_t{device()} << 32 | device();
    }
}

void LatentStage::restart(double sample_rate, double frame_samples) {
    frame_samples_ = frame_samples;
    frames_per_ms_ = sample_rate / frame_samples / 1000;
    noise_from_ = 0;
    for (Latent& latent : latents_) {
        for (Ramp* ramp : {&latent.ramp, &latent.bias.ramp, &latent.scale.ramp, &latent.noise.ramp})
            *ramp = {};
    }
    for (LatentMove& move : waiting_)
        move.at = 0;
}

// ---- what is asked for ----

void LatentStage::move(const LatentMove& move) {
    // Those that come while no frame is computed must not pile up.
    std::erase_if(waiting_, [&](const LatentMove& other) {
        return other.kind == move.kind && other.index == move.index &&
               frame_of(other) == frame_of(move);
    });
    waiting_.push_back(move);
    if (move.index >= 0) {
        ask(move, move.index);
    } else {
        for (int i = 0; i < latents(); ++i)
            ask(move, i);
    }
}

void LatentStage::ask(const LatentMove& move, int index) {
    constexpr auto relaxed = std::memory_order_relaxed;
    Asked& asked = asked_[static_cast<size_t>(index)];
    switch (move.kind) {
        case LatentMove::Kind::set:
            return asked.set.store(move.value, relaxed);
        case LatentMove::Kind::release:
            return asked.set.store(kNothing, relaxed);
        case LatentMove::Kind::bias:
            return asked.bias.store(move.value, relaxed);
        case LatentMove::Kind::scale:
            return asked.scale.store(move.value, relaxed);
        case LatentMove::Kind::noise:
            return asked.noise.store(move.value, relaxed);
        case LatentMove::Kind::freeze:
            break;
    }
    const bool freeze = move.value != 0;
    // What it was frozen at before is not what it will be.
    for (size_t example = 0; freeze && !asked.frozen && example < static_cast<size_t>(batch_);
         ++example)
        frozen_at_[example * latents_.size() + static_cast<size_t>(index)].store(kNothing, relaxed);
    asked.frozen.store(freeze, relaxed);
}

LatentSettings LatentStage::settings() const {
    constexpr auto relaxed = std::memory_order_relaxed;
    LatentSettings settings;
    for (size_t i = 0; i < asked_.size(); ++i) {
        const Asked& asked = asked_[i];
        LatentSettings::Latent latent;
        if (const float set = asked.set.load(relaxed); !std::isnan(set))
            latent.set = set;
        latent.bias = asked.bias.load(relaxed);
        latent.scale = asked.scale.load(relaxed);
        latent.noise = asked.noise.load(relaxed);
        latent.frozen = asked.frozen.load(relaxed);
        for (size_t example = 0; latent.frozen && example < static_cast<size_t>(batch_); ++example)
            latent.frozen_at.push_back(frozen_at_[example * asked_.size() + i].load(relaxed));
        // A freeze that waits for its frame has no values yet.
        if (std::any_of(latent.frozen_at.begin(), latent.frozen_at.end(),
                        [](float value) { return std::isnan(value); }))
            latent.frozen_at.clear();
        settings.latents.push_back(std::move(latent));
    }
    return settings;
}

void LatentStage::adopt(const LatentSettings& settings) {
    using Kind = LatentMove::Kind;
    const size_t count = std::min(latents_.size(), settings.latents.size());
    for (size_t i = 0; i < count; ++i) {
        const LatentSettings::Latent& asked = settings.latents[i];
        Latent& latent = latents_[i];
        const int index = static_cast<int>(i);
        latent.is_set = asked.set.has_value();
        latent.set = asked.set.value_or(0);
        latent.bias = {asked.bias, asked.bias, {}};
        latent.scale = {asked.scale, asked.scale, {}};
        latent.noise = {asked.noise, asked.noise, {}};
        ask({latent.is_set ? Kind::set : Kind::release, index, latent.set}, index);
        ask({Kind::bias, index, asked.bias}, index);
        ask({Kind::scale, index, asked.scale}, index);
        ask({Kind::noise, index, asked.noise}, index);
        if (!asked.frozen)
            continue;
        if (asked.frozen_at.size() < static_cast<size_t>(batch_)) {
            move({Kind::freeze, index, 1});
            continue;
        }
        latent.is_frozen = true;
        ask({Kind::freeze, index, 1}, index);
        for (size_t example = 0; example < static_cast<size_t>(batch_); ++example) {
            latent.frozen_at[example] = asked.frozen_at[example];
            frozen_at_[example * latents_.size() + i].store(asked.frozen_at[example],
                                                            std::memory_order_relaxed);
        }
    }
}

std::vector<float> LatentStage::last() const {
    std::vector<float> values;
    for (const std::atomic<float>& value : last_)
        values.push_back(value.load(std::memory_order_relaxed));
    return values;
}

// ---- frame by frame ----

int64_t LatentStage::frame_of(const LatentMove& move) const {
    return static_cast<int64_t>(std::floor(static_cast<double>(move.at) / frame_samples_));
}

void LatentStage::apply(float* latents, int frames, int64_t first_frame) {
    if (reset_due_)
        noise_from_ = first_frame;
    reset_due_ = false;
    for (int i = 0; i < frames; ++i) {
        const Frame frame{first_frame + i, latents + i, static_cast<size_t>(frames)};
        const auto is_due = [&](const LatentMove& move) { return frame_of(move) <= frame.index; };
        // Nearly always there is none.
        if (std::any_of(waiting_.begin(), waiting_.end(), is_due)) {
            for (const LatentMove& move : waiting_) {
                if (is_due(move))
                    act(move, frame);
            }
            std::erase_if(waiting_, is_due);
        }
        play(frame);
    }
    for (size_t i = 0; frames > 0 && i < last_.size(); ++i) {
        const size_t end = (i + 1) * static_cast<size_t>(frames);
        last_[i].store(latents[end - 1], std::memory_order_relaxed);
    }
}

void LatentStage::act(const LatentMove& move, const Frame& frame) {
    if (move.index >= 0)
        return act(move, move.index, frame);
    for (int i = 0; i < latents(); ++i)
        act(move, i, frame);
}

void LatentStage::act(const LatentMove& move, int index, const Frame& frame) {
    using Kind = LatentMove::Kind;
    Latent& latent = latents_[static_cast<size_t>(index)];
    const double ms = move.ms < 0 ? LatentMove::kDefaultMs : move.ms;
    const Ramp ramp{frame.index, ms * frames_per_ms_};
    const auto lead = [&](Control& control) {
        control = {control.at(frame.index - 1), move.value, ramp};
    };
    // Of what is there now, before anything of `latent` changes.
    const auto leave_base = [&] {
        for (int e = 0; e < batch_; ++e) {
            const auto example = static_cast<size_t>(e);
            latent.from[example] =
                finite(has_base_ ? latent.base[example]
                                 : base(latent, e, value(frame, e, index), frame.index));
        }
        latent.ramp = ramp;
    };
    switch (move.kind) {
        case Kind::set:
            leave_base();
            latent.is_set = true;
            latent.set = move.value;
            return;
        case Kind::release:
            if (latent.is_set)
                leave_base();
            latent.is_set = false;
            return;
        case Kind::bias:
            return lead(latent.bias);
        case Kind::scale:
            return lead(latent.scale);
        case Kind::noise:
            return lead(latent.noise);
        case Kind::freeze:
            break;
    }
    const bool freeze = move.value != 0;
    if (freeze == latent.is_frozen)
        return;
    if (!freeze) {
        if (!latent.is_set)
            leave_base();
        latent.is_frozen = false;
        return;
    }
    for (int e = 0; e < batch_; ++e) {
        const auto example = static_cast<size_t>(e);
        const float held = finite(base(latent, e, value(frame, e, index), frame.index));
        latent.frozen_at[example] = held;
        frozen_at_[example * latents_.size() + static_cast<size_t>(index)].store(
            held, std::memory_order_relaxed);
    }
    if (!latent.is_set)
        latent.ramp = {};
    latent.is_frozen = true;
}

void LatentStage::play(const Frame& frame) {
    for (int i = 0; i < latents(); ++i) {
        Latent& latent = latents_[static_cast<size_t>(i)];
        const bool pass = passes(latent, frame.index);
        const float scale = latent.scale.at(frame.index), bias = latent.bias.at(frame.index);
        const float noise = latent.noise.at(frame.index);
        for (int e = 0; e < batch_; ++e) {
            float& value = this->value(frame, e, i);
            float& base = latent.base[static_cast<size_t>(e)];
            base = pass ? value : this->base(latent, e, value, frame.index);
            if (pass)
                continue;
            value = scale * base + bias;
            if (noise != 0)
                value += noise * normal(seed_, e, i, frame.index - noise_from_);
        }
    }
    has_base_ = true;
}

float& LatentStage::value(const Frame& frame, int example, int index) const {
    return frame
        .live[(static_cast<size_t>(example) * latents_.size() + static_cast<size_t>(index)) *
              frame.stride];
}

float LatentStage::base(const Latent& latent, int example, float live, int64_t frame) const {
    const auto e = static_cast<size_t>(example);
    const float to = latent.is_set ? latent.set : latent.is_frozen ? latent.frozen_at[e] : live;
    const double progress = latent.ramp.progress(frame);
    if (progress >= 1)
        return to;
    return static_cast<float>(latent.from[e] + (double{to} - latent.from[e]) * progress);
}

bool LatentStage::passes(const Latent& latent, int64_t frame) const {
    return !latent.is_set && !latent.is_frozen && latent.ramp.progress(frame) >= 1 &&
           latent.bias.rests_at(0, frame) && latent.scale.rests_at(1, frame) &&
           latent.noise.rests_at(0, frame);
}

float LatentStage::normal(uint64_t seed, int example, int latent, int64_t frame) {
    uint64_t hash = mix(seed + kGolden);
    for (const auto word : {static_cast<uint64_t>(example), static_cast<uint64_t>(latent),
                            static_cast<uint64_t>(frame)})
        hash = mix((hash ^ word) + kGolden);
    // Box and Muller: the upper half, within (0, 1), gives the radius, the lower one the angle.
    const double radius = (static_cast<double>(hash >> 32) + 0.5) * 0x1p-32;
    const double angle = static_cast<double>(hash & 0xffffffff) * 0x1p-32;
    return static_cast<float>(std::sqrt(-2 * std::log(radius)) *
                              std::cos(2 * std::numbers::pi * angle));
}

}  // namespace timbrel
