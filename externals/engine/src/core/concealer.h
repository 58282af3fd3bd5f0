// What one output of a model plays: the block where it is there, a click-free bridge where not.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "timbrel/engine.h"

namespace timbrel {

class Concealer {
  public:
    static constexpr int kFade = 128;  // samples

    // Of an outlet that gives each value `ratio` times. `latent`: held, never faded.
    Concealer(int ratio, bool latent) : ratio_(ratio), latent_(latent) {}

    // `block` holds the outlet's values for a whole block; plays `frames` samples from `offset`.
    // `out` may be null: the outlet is not connected, but time goes on.
    template <typename Sample>
    void play(const float* block, int offset, Sample* out,
              int frames) noexcept TIMBREL_NONBLOCKING {
        if (latent_) {
            for (int i = 0; out && i < frames; ++i) {
                out[i] = static_cast<Sample>(block[(offset + i) / ratio_]);
            }
            last_ = block[(offset + frames - 1) / ratio_];
            return;
        }
        if (!playing_) {
            playing_ = true;
            fade_ = 0;
        }
        const float* in = block + offset;
        int i = 0;
        for (; i < frames && (fade_ < kFade || tail_ < kFade); ++i) {
            last_ = next_gain() * in[i] + next_tail();
            if (out)
                out[i] = static_cast<Sample>(last_);
        }
        if (i == frames)
            return;
        if (out) {
            for (; i < frames; ++i)
                out[i] = static_cast<Sample>(in[i]);
        }
        last_ = in[frames - 1];
    }

    // The block is missing: latents hold their last value, because fading one is an audible
    // gesture; audio fades from its last value, and fades in again when the next block is there.
    template <typename Sample>
    void conceal(Sample* out, int frames) noexcept TIMBREL_NONBLOCKING {
        if (!latent_ && playing_) {
            playing_ = false;
            start_tail();
        }
        rest(out, frames);
    }

    // Nothing is due yet: what sounded before fades out, and what comes begins without a fade.
    template <typename Sample>
    void rest(Sample* out, int frames) noexcept TIMBREL_NONBLOCKING {
        if (latent_) {
            if (out)
                std::fill_n(out, frames, static_cast<Sample>(last_));
            return;
        }
        for (int i = 0; i < frames; ++i) {
            last_ = next_tail();
            if (out)
                out[i] = static_cast<Sample>(last_);
        }
    }

    // Begins anew, as after creation: the next block is played without a fade. What sounds until
    // then ends at once, which is for an Outlet to bridge.
    void restart() noexcept TIMBREL_NONBLOCKING {
        last_ = 0;
        playing_ = true;
        fade_ = tail_ = kFade;
    }

    // The same, but the next block of audio fades in.
    void silence() noexcept TIMBREL_NONBLOCKING {
        restart();
        playing_ = false;
    }

    // A raised cosine, from 0 to 1 in kFade steps.
    static float ramp(int i) noexcept TIMBREL_NONBLOCKING { return kRamp[static_cast<size_t>(i)]; }

  private:
    // Made when the library is loaded, so that the audio thread never is the one
    // to make it.
    static std::array<float, kFade> make_ramp() {
        std::array<float, kFade> values{};
        for (int i = 0; i < kFade; ++i) {
            const double phase = std::numbers::pi * (i + 1) / (kFade + 1);
            values[static_cast<size_t>(i)] = static_cast<float>(0.5 - 0.5 * std::cos(phase));
        }
        return values;
    }
    static inline const std::array<float, kFade> kRamp = make_ramp();

    void start_tail() noexcept TIMBREL_NONBLOCKING {
        tail_from_ = last_;
        tail_ = 0;
    }
    float next_gain() noexcept TIMBREL_NONBLOCKING { return fade_ < kFade ? ramp(fade_++) : 1.0F; }
    float next_tail() noexcept TIMBREL_NONBLOCKING {
        return tail_ < kFade ? tail_from_ * (1.0F - ramp(tail_++)) : 0.0F;
    }

    int ratio_;
    bool latent_;
    bool playing_ = true;
    float last_ = 0;       // what the outlet played last
    int fade_ = kFade;     // how far the fade-in has come
    int tail_ = kFade;     // how far the fade-out has come
    float tail_from_ = 0;  // where the fade-out began
};

}  // namespace timbrel
