// The gains with which one sound takes over from another.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "timbrel/engine.h"

namespace timbrel {

class Crossfade {
  public:
    void start(double seconds, double sample_rate) noexcept TIMBREL_NONBLOCKING {
        length_ = std::max<int64_t>(1, static_cast<int64_t>(seconds * sample_rate));
        done_ = 0;
    }
    bool over() const noexcept TIMBREL_NONBLOCKING { return done_ >= length_; }
    void advance(int frames) noexcept TIMBREL_NONBLOCKING { done_ += frames; }

    // How far it has come, `i` samples from now: 0 to 1.
    float progress(int i) const noexcept TIMBREL_NONBLOCKING {
        const int64_t at = std::min(done_ + i + 1, length_);
        return static_cast<float>(static_cast<double>(at) / static_cast<double>(length_));
    }

    // The gain, at that progress, of what comes in, such that two sounds that have nothing to do
    // with each other are as loud together as either; of what goes: that of 1 - progress.
    static float equal_power(float progress) noexcept TIMBREL_NONBLOCKING {
        const float at = progress * kSteps;
        const auto below = static_cast<size_t>(at);
        if (below >= kSteps)
            return 1.0F;
        return kSine[below] + (at - static_cast<float>(below)) * (kSine[below + 1] - kSine[below]);
    }

  private:
    static constexpr size_t kSteps = 1024;

    // Made when the library is loaded, so that the audio thread never is the one to make it.
    static std::array<float, kSteps + 1> make_sine() {
        std::array<float, kSteps + 1> values{};
        for (size_t i = 0; i <= kSteps; ++i) {
            values[i] = static_cast<float>(
                std::sin(std::numbers::pi / 2 * static_cast<double>(i) / kSteps));
        }
        return values;
    }
    static inline const std::array<float, kSteps + 1> kSine = make_sine();

    int64_t length_ = 1, done_ = 1;
};

}  // namespace timbrel
