#include "playback.h"

#include <algorithm>
#include <numeric>

namespace timbrel {
namespace {

constexpr double kCrossfade = 0.05;  // seconds
constexpr double kShortFade = 0.01;  // each, out and in
constexpr double kPatience = 1;      // beyond its latency and a block, for a voice to be there

}  // namespace

Playback::Playback(Channels channels, std::shared_ptr<Outbox> outbox, std::atomic<Voice*>& offered)
    : channels_(channels),
      outbox_(std::move(outbox)),
      offered_(offered),
      outlets_(static_cast<size_t>(channels.outlets) * static_cast<size_t>(channels.batch)) {}

void Playback::prepare(const Layout& layout) {
    cut();
    if (next_)
        take_over(next_);
    // Nothing is heard while nothing is processed: what waits to take over does so here.
    Voice* const offer = offered_.exchange(nullptr);
    if (offer)
        take_over(offer);
    if (heard_)
        heard_->lay_out(layout);
    if (offer)
        offer->entered.store(true);
    layout_ = layout;
    position_ = 0;
    const auto vector = static_cast<size_t>(layout.vector);
    for (auto* lines : {&heard_lines_, &next_lines_})
        lines->assign(outlets_.size() * vector, 0.0F);
    for (auto* line : {&wet_, &dry_line_, &next_dry_line_, &dry_gains_})
        line->assign(vector, 0.0F);
}

// ---- audio thread ----

template <bool wait, typename Sample>
void Playback::play(const Sample* const* inputs, Sample* const* outputs, int frames,
                    const Switches& switches) noexcept TIMBREL_NONBLOCKING_IF(!wait) {
    outbox_->calls.fetch_add(1, std::memory_order_relaxed);
    const int outlet_count = static_cast<int>(outlets_.size());
    if (!layout_.history) {
        for (int i = 0; i < outlet_count; ++i) {
            if (outputs[i])
                std::fill_n(outputs[i], frames, Sample{0});
        }
        return;
    }
    adopt(switches.enabled);
    if (switches.reset || (switches.enabled && !was_enabled_))
        begin_anew<wait>(switches.reset);
    if (!switches.enabled && was_enabled_)
        disable();
    was_enabled_ = switches.enabled;
    for (int from = 0; from < frames;) {
        const int count = std::min(frames - from, layout_.vector);
        const int64_t position = position_;
        position_ += count;
        if (switches.enabled) {
            // Everything is read before anything is written, as the vectors may be the same memory.
            listen(inputs, from, count);
            feed<wait>();
            choose_phase<wait>(position, count);
            if (hears_heard())
                heard_->render<wait>(position, count, heard_lines_.data(), layout_.vector);
            if (hears_next())
                next_->render<wait>(position, count, next_lines_.data(), layout_.vector);
        }
        fill_dry_gains(switches.bypass, count);
        for (int i = 0; i < outlet_count; ++i) {
            if (switches.enabled) {
                mix(i, count);
                fade_to_dry(i, position, count);
            } else {
                std::fill_n(wet_.data(), count, 0.0F);
            }
            Sample* out = outputs[i] ? outputs[i] + from : nullptr;
            outlets_[static_cast<size_t>(i)].play(wet_.data(), out, count);
        }
        if (switches.enabled)
            move_on(count);
        from += count;
    }
    outbox_->position.store(position_, std::memory_order_relaxed);
}

void Playback::adopt(bool enabled) noexcept TIMBREL_NONBLOCKING {
    // One after the other: who comes third takes the place of the second.
    if (next_ || !offered_.load(std::memory_order_relaxed))
        return;
    Voice* const voice = offered_.exchange(nullptr);
    if (!voice)
        return;
    if (voice->epoch() != layout_.epoch) {
        // Made for another layout, in the moment in which it changed: back to the loader, which
        // will see it, too. Only the loader offers, and not before it has this one back.
        Voice* nothing = nullptr;
        if (!offered_.compare_exchange_strong(nothing, voice))
            retire(voice);
        return;
    }
    if (&voice->history() != layout_.history.get())
        voice->history().jump(position_, false);
    voice->enter(position_);
    const bool at_once = voice->entrance == Voice::Entrance::at_once || position_ == 0;
    if (!enabled || (!heard_ && at_once)) {
        cut();
        take_over(voice);
        if (!enabled)
            voice->silence();
    } else {
        next_ = voice;
        patience_ = voice->schedule().block + voice->latency() +
                    static_cast<int64_t>(kPatience * layout_.sample_rate);
        if (heard_ && !voice->fits) {
            start(Phase::leaving);
        } else {
            phase_ = Phase::waiting;
        }
    }
    voice->entered.store(true);
}

void Playback::take_over(Voice* voice) noexcept TIMBREL_NONBLOCKING {
    if (heard_) {
        retire(heard_);
        outbox_->counters.swaps.add();
    }
    heard_ = voice;
    heard_->heard.store(true, std::memory_order_relaxed);
    next_ = nullptr;
    phase_ = Phase::steady;
}

void Playback::reject_next() noexcept TIMBREL_NONBLOCKING {
    next_->rejected = true;
    retire(next_);
    next_ = nullptr;
    if (phase_ == Phase::gap && heard_) {
        heard_->begin(position_, false);  // it was not fed
        heard_->silence();
    }
    phase_ = Phase::steady;
}

void Playback::retire(Voice* voice) noexcept TIMBREL_NONBLOCKING {
    outbox_->retired.give(voice);
}

// Goes on with a block that nothing before this moment has part in.
template <bool wait>
void Playback::begin_anew(bool reset) noexcept TIMBREL_NONBLOCKING_IF(!wait) {
    cut();
    if (next_)
        take_over(next_);
    if constexpr (wait) {
        // What is under way would be lost or not, as it falls.
        if (heard_)
            heard_->finish_blocks();
    }
    // A block of every voice that may come must stand to the host's vectors as it always does.
    const int64_t vector = layout_.varies ? 1 : layout_.vector;
    const int64_t unit = heard_ ? std::lcm<int64_t>(vector, heard_->schedule().block) : vector;
    position_ = (position_ + unit - 1) / unit * unit;
    layout_.history->jump(position_, reset);
    if (!heard_)
        return;
    if (&heard_->history() != layout_.history.get())
        heard_->history().jump(position_, reset);
    heard_->begin(position_, reset);
}

void Playback::disable() noexcept TIMBREL_NONBLOCKING {
    cut();
    if (next_)
        take_over(next_);
    if (heard_)
        heard_->silence();
}

void Playback::cut() noexcept TIMBREL_NONBLOCKING {
    for (size_t i = 0; i < outlets_.size(); ++i)
        outlets_[i].cut(!is_latent(static_cast<int>(i)));
}

template <typename Sample>
void Playback::listen(const Sample* const* inputs, int from,
                      int frames) noexcept TIMBREL_NONBLOCKING {
    History* const all = layout_.history.get();
    all->append(inputs, from, frames);
    History* const heard = heard_ ? &heard_->history() : all;
    if (heard != all)
        heard->append(inputs, from, frames);
    if (next_ && &next_->history() != all && &next_->history() != heard)
        next_->history().append(inputs, from, frames);
}

template <bool wait>
void Playback::feed() noexcept TIMBREL_NONBLOCKING_IF(!wait) {
    if (feeds_heard())
        heard_->feed<wait>(position_);
    if (next_)
        next_->feed<wait>(position_);
}

void Playback::start(Phase phase) noexcept TIMBREL_NONBLOCKING {
    phase_ = phase;
    fade_.start(phase == Phase::crossing || !heard_ ? kCrossfade : kShortFade, layout_.sample_rate);
    for (Outlet& outlet : outlets_)
        outlet.hold();
}

template <bool wait>
void Playback::choose_phase(int64_t position, int frames) noexcept TIMBREL_NONBLOCKING_IF(!wait) {
    if (phase_ != Phase::waiting && phase_ != Phase::gap)
        return;
    const bool ready = next_->ready<wait>(position, frames);
    if (!ready && next_->failed(position)) {
        reject_next();
        return;
    }
    patience_ -= frames;
    if (!ready && patience_ > 0)
        return;
    if (!ready && phase_ == Phase::waiting && heard_) {
        start(Phase::leaving);
        return;
    }
    next_->heard.store(true, std::memory_order_relaxed);
    start(phase_ == Phase::waiting && heard_ ? Phase::crossing : Phase::entering);
}

void Playback::move_on(int frames) noexcept TIMBREL_NONBLOCKING {
    if (phase_ != Phase::crossing && phase_ != Phase::leaving && phase_ != Phase::entering)
        return;
    fade_.advance(frames);
    if (!fade_.over())
        return;
    if (phase_ == Phase::leaving) {
        phase_ = Phase::gap;
    } else {
        take_over(next_);
    }
}

void Playback::mix(int outlet, int frames) noexcept TIMBREL_NONBLOCKING {
    const float* old = hears_heard() && has(heard_, outlet) ? line(heard_lines_, outlet) : nullptr;
    const float* young = hears_next() && has(next_, outlet) ? line(next_lines_, outlet) : nullptr;
    const bool latent = is_latent(outlet);
    const float held = outlets_[static_cast<size_t>(outlet)].held();
    float* const wet = wet_.data();
    switch (phase_) {
        case Phase::steady:
        case Phase::waiting:
            for (int i = 0; i < frames; ++i)
                wet[i] = old ? old[i] : 0.0F;
            break;
        case Phase::crossing: {
            const bool equal_power = !latent && next_->entrance == Voice::Entrance::equal_power;
            for (int i = 0; i < frames; ++i) {
                const float come = fade_.progress(i), go = 1.0F - come;
                wet[i] =
                    (old ? old[i] * (equal_power ? Crossfade::equal_power(go) : go) : 0.0F) +
                    (young ? young[i] * (equal_power ? Crossfade::equal_power(come) : come) : 0.0F);
            }
            break;
        }
        case Phase::leaving:
            // Fading a latent would be an audible gesture: it stays where it is.
            for (int i = 0; i < frames; ++i)
                wet[i] = latent ? held : old ? old[i] * (1.0F - fade_.progress(i)) : 0.0F;
            break;
        case Phase::gap:
            std::fill_n(wet, frames, latent ? held : 0.0F);
            break;
        case Phase::entering:
            for (int i = 0; i < frames; ++i) {
                const float come = fade_.progress(i);
                wet[i] = (latent ? held * (1.0F - come) : 0.0F) + (young ? young[i] * come : 0.0F);
            }
            break;
    }
}

void Playback::fill_dry_gains(bool bypass, int frames) noexcept TIMBREL_NONBLOCKING {
    if (bypass && !was_bypassed_) {
        for (Outlet& outlet : outlets_)
            outlet.hold();
    }
    was_bypassed_ = bypass;
    for (int i = 0; i < frames; ++i) {
        dry_ = std::clamp(dry_ + (bypass ? 1 : -1), 0, Concealer::kFade + 1);
        dry_gains_[static_cast<size_t>(i)] = dry_ == 0                 ? 0.0F
                                             : dry_ > Concealer::kFade ? 1.0F
                                                                       : Concealer::ramp(dry_ - 1);
    }
}

void Playback::fade_to_dry(int outlet, int64_t position, int frames) noexcept TIMBREL_NONBLOCKING {
    if (!was_bypassed_ && dry_gains_[0] == 0.0F)
        return;
    float* const dry = dry_line_.data();
    const bool latent = is_latent(outlet);
    if (latent) {
        std::fill_n(dry, frames, outlets_[static_cast<size_t>(outlet)].held());
    } else {
        const int example = outlet / channels_.outlets;
        const int channel = channels_.inlets > 0 ? example * channels_.inlets +
                                                       outlet % channels_.outlets % channels_.inlets
                                                 : -1;
        read_dry(heard_, channel, position, frames, dry);
        if (hears_next()) {
            read_dry(next_, channel, position, frames, next_dry_line_.data());
            for (int i = 0; i < frames; ++i)
                dry[i] += fade_.progress(i) * (next_dry_line_[static_cast<size_t>(i)] - dry[i]);
        }
    }
    for (int i = 0; i < frames; ++i) {
        float& wet = wet_[static_cast<size_t>(i)];
        // A latent stays where it is from the first sample on.
        const float gain = latent && was_bypassed_ ? 1.0F : dry_gains_[static_cast<size_t>(i)];
        wet = gain < 1.0F ? wet * (1.0F - gain) + dry[i] * gain : dry[i];
    }
}

// As late as the voice's output is. A voice whose inlets are latents has no dry signal.
void Playback::read_dry(Voice* voice, int channel, int64_t position, int frames,
                        float* out) noexcept TIMBREL_NONBLOCKING {
    const History& history = voice ? voice->history() : *layout_.history;
    const int64_t from = position - (voice ? voice->latency() : 0);
    const bool silent = channel < 0 || (voice && voice->shape().in_ratio > 1);
    const auto missing =
        silent ? frames : static_cast<int>(std::clamp<int64_t>(history.begin() - from, 0, frames));
    std::fill_n(out, missing, 0.0F);
    if (missing < frames)
        history.read(channel, from + missing, 1, frames - missing, out + missing);
}

template void Playback::play<false>(const float* const*, float* const*, int,
                                    const Switches&) noexcept TIMBREL_NONBLOCKING;
template void Playback::play<false>(const double* const*, double* const*, int,
                                    const Switches&) noexcept TIMBREL_NONBLOCKING;
template void Playback::play<true>(const float* const*, float* const*, int,
                                   const Switches&) noexcept TIMBREL_NONBLOCKING_IF(false);
template void Playback::play<true>(const double* const*, double* const*, int,
                                   const Switches&) noexcept TIMBREL_NONBLOCKING_IF(false);

}  // namespace timbrel
