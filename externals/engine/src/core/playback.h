// The audio thread's part of a stream: which voice is heard, and how another takes over from it.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "crossfade.h"
#include "layout.h"
#include "outbox.h"
#include "outlet.h"
#include "voice.h"

namespace timbrel {

class Playback {
  public:
    // What the host has switched, as of the beginning of a call.
    struct Switches {
        bool enabled = true;
        bool bypass = false;
        bool reset = false;  // once
    };

    // `offered`: where a voice is put that is to take over.
    Playback(Channels channels, std::shared_ptr<Outbox> outbox, std::atomic<Voice*>& offered);

    // [control] Not at the same time as the others.
    void prepare(const Layout& layout);

    // [audio] See Stream; with `wait`, not in real time.
    template <bool wait, typename Sample>
    void play(const Sample* const* inputs, Sample* const* outputs, int frames,
              const Switches& switches) noexcept TIMBREL_NONBLOCKING_IF(!wait);
    bool blocking() const noexcept TIMBREL_NONBLOCKING {
        return (heard_ && heard_->blocking()) || (next_ && next_->blocking());
    }

  private:
    enum class Phase {
        steady,    // only the heard voice, if any
        waiting,   // both are fed, but the next one's output is not there yet
        crossing,  // both are heard
        // Where only one can be fed at a time, or the next one does not keep up:
        leaving,   // the heard one fades out
        gap,       // and the next one's output is not there yet
        entering,  // the next one fades in; also from nothing
    };

    void adopt(bool enabled) noexcept TIMBREL_NONBLOCKING;
    void take_over(Voice* voice) noexcept TIMBREL_NONBLOCKING;
    void reject_next() noexcept TIMBREL_NONBLOCKING;
    void retire(Voice* voice) noexcept TIMBREL_NONBLOCKING;
    template <bool wait>
    void begin_anew(bool reset) noexcept TIMBREL_NONBLOCKING_IF(!wait);
    void disable() noexcept TIMBREL_NONBLOCKING;
    void cut() noexcept TIMBREL_NONBLOCKING;
    void start(Phase phase) noexcept TIMBREL_NONBLOCKING;
    template <typename Sample>
    void listen(const Sample* const* inputs, int from, int frames) noexcept TIMBREL_NONBLOCKING;
    template <bool wait>
    void feed() noexcept TIMBREL_NONBLOCKING_IF(!wait);
    template <bool wait>
    void choose_phase(int64_t position, int frames) noexcept TIMBREL_NONBLOCKING_IF(!wait);
    void move_on(int frames) noexcept TIMBREL_NONBLOCKING;
    void mix(int outlet, int frames) noexcept TIMBREL_NONBLOCKING;
    void fade_to_dry(int outlet, int64_t position, int frames) noexcept TIMBREL_NONBLOCKING;
    void read_dry(Voice* voice, int channel, int64_t position, int frames,
                  float* out) noexcept TIMBREL_NONBLOCKING;
    void fill_dry_gains(bool bypass, int frames) noexcept TIMBREL_NONBLOCKING;

    bool feeds_heard() const noexcept TIMBREL_NONBLOCKING {
        return heard_ &&
               (phase_ == Phase::steady || phase_ == Phase::waiting || phase_ == Phase::crossing);
    }
    bool hears_heard() const noexcept TIMBREL_NONBLOCKING {
        return heard_ && phase_ != Phase::gap && phase_ != Phase::entering;
    }
    bool hears_next() const noexcept TIMBREL_NONBLOCKING {
        return phase_ == Phase::crossing || phase_ == Phase::entering;
    }
    bool has(const Voice* voice, int outlet) const noexcept TIMBREL_NONBLOCKING {
        return voice && outlet % channels_.outlets < voice->outlets();
    }
    bool is_latent(int outlet) const noexcept TIMBREL_NONBLOCKING {
        return (has(heard_, outlet) && heard_->shape().out_ratio > 1) ||
               (has(next_, outlet) && next_->shape().out_ratio > 1);
    }
    float* line(std::vector<float>& lines, int outlet) noexcept TIMBREL_NONBLOCKING {
        return lines.data() + static_cast<ptrdiff_t>(outlet) * layout_.vector;
    }

    const Channels channels_;
    const std::shared_ptr<Outbox> outbox_;
    std::atomic<Voice*>& offered_;

    Layout layout_;
    int64_t position_ = 0;  // samples since prepare, and those that were jumped over
    Voice* heard_ = nullptr;
    Voice* next_ = nullptr;
    Phase phase_ = Phase::steady;
    Crossfade fade_;
    int64_t patience_ = 0;  // samples that the next voice may take to be there
    bool was_enabled_ = true;
    bool was_bypassed_ = false;
    int dry_ = 0;  // how far the dry signal has come: alone beyond Concealer::kFade
    std::vector<Outlet> outlets_;

    // One vector each: of every outlet, ...
    std::vector<float> heard_lines_, next_lines_;
    // ... of the one that is being mixed, and of what all have in common.
    std::vector<float> wet_, dry_line_, next_dry_line_, dry_gains_;
};

}  // namespace timbrel
