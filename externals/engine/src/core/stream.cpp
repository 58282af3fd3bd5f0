#include "stream.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "worker_pool.h"

namespace timbrel {
namespace {

uint64_t silence_non_finite(std::vector<float>& samples) {
    uint64_t count = 0;
    for (float& sample : samples) {
        if (!std::isfinite(sample)) {
            sample = 0;
            ++count;
        }
    }
    return count;
}

}  // namespace

Stream::Stream(std::unique_ptr<Model> model, Options options, WorkerPool& pool)
    : options_(options), pool_(pool), model_(std::move(model)) {
    for (int i = 0; i < options_.batch * options_.shape.out_channels; ++i) {
        outlets_.emplace_back(options_.shape.out_ratio);
    }
}

void Stream::prepare(double sample_rate, int vector, bool varies, int slack) {
    Schedule schedule{options_.block, vector, varies, slack, sample_rate};
    if (options_.blocking) {
        schedule.slack = 0;
        // Blocks as large as the vector cost no latency either, and fewer calls of the model.
        if (!varies && vector % schedule.block == 0)
            schedule.block = vector;
    } else if (slack < 0) {
        schedule.slack = std::max(schedule.block, vector);
    }
    if (audio_ring_ && schedule == schedule_)
        return;
    restart();  // so that a reset that waits in a block is not lost with it
    auto ring = std::make_shared<Ring>(options_.shape, options_.batch, schedule);
    schedule_ = schedule;
    audio_ring_ = ring.get();
    position_ = first_ = 0;
    last_late_ = -1;
    block_open_ = false;
    for (Concealer& outlet : outlets_)
        outlet.restart();
    const std::lock_guard lock(ring_mutex_);
    ring_.swap(ring);
}

// ---- audio thread ----

template <bool wait, typename Sample>
void Stream::play_call(const Sample* const* inputs, Sample* const* outputs, int frames) noexcept
    TIMBREL_NONBLOCKING_IF(!wait) {
    if (reset_requested_.exchange(false, std::memory_order_relaxed)) {
        restart();
        model_reset_due_ = true;
        for (Concealer& outlet : outlets_)
            outlet.restart();
    }
    const bool enabled = enabled_.load(std::memory_order_relaxed);
    if (enabled && !was_enabled_)
        restart();
    was_enabled_ = enabled;
    const int outlet_count = static_cast<int>(outlets_.size());
    if (!enabled || !audio_ring_) {
        for (int i = 0; i < outlet_count; ++i) {
            // Fades what sounded last, then silence: a disabled latent outlet gives zeros, too.
            if (options_.shape.out_ratio > 1)
                outlets_[static_cast<size_t>(i)].restart();
            outlets_[static_cast<size_t>(i)].conceal(outputs[i], frames);
        }
        return;
    }
    // Everything is read before anything is written, as the vectors may be the same memory.
    for (int from = 0; from < frames;) {
        const int count = std::min(frames - from, schedule_.vector);
        const int64_t position = position_ - schedule_.latency();
        read<wait>(inputs, from, count);
        write<wait>(outputs, from, count, position);
        from += count;
    }
    audio_ring_->host_position.store(position_, std::memory_order_relaxed);
}

template <bool wait, typename Sample>
void Stream::read(const Sample* const* inputs, int from, int frames) noexcept
    TIMBREL_NONBLOCKING_IF(!wait) {
    const int block_size = schedule_.block;
    const int ratio = options_.shape.in_ratio;
    const int length = block_size / ratio;
    const int inlets = options_.batch * options_.shape.in_channels;
    for (const int end = from + frames; from < end;) {
        const int64_t block = position_ / block_size;
        const int offset = static_cast<int>(position_ % block_size);
        const int count = std::min(end - from, block_size - offset);
        if (offset == 0)
            block_open_ = open_block<wait>(block);
        if (block_open_) {
            float* memory = audio_ring_->slot(block).input.data();
            // The first sample, from here on, that is the last of its group of `ratio`.
            const int first = ratio - 1 - offset % ratio;
            for (int inlet = 0; inlet < inlets; ++inlet, memory += length) {
                const Sample* in = inputs[inlet];
                float* value = memory + (offset + first) / ratio;
                for (int i = first; i < count; i += ratio) {
                    *value++ = in ? static_cast<float>(in[from + i]) : 0.0F;
                }
            }
        }
        from += count;
        position_ += count;
        if (offset + count == block_size && block_open_)
            submit_block(block, !wait);
    }
}

template <bool wait, typename Sample>
void Stream::write(Sample* const* outputs, int from, int frames, int64_t position) noexcept
    TIMBREL_NONBLOCKING_IF(!wait) {
    const int block_size = schedule_.block;
    const int length = block_size / options_.shape.out_ratio;
    const int outlet_count = static_cast<int>(outlets_.size());
    for (const int end = from + frames; from < end;) {
        int count = end - from;
        const float* memory = nullptr;
        int offset = 0;
        if (position < first_) {
            count = static_cast<int>(std::min<int64_t>(count, first_ - position));
        } else {
            const int64_t block = position / block_size;
            offset = static_cast<int>(position % block_size);
            count = std::min(count, block_size - offset);
            Slot& slot = audio_ring_->slot(block);
            if constexpr (wait)
                wait_while(block, {State::submitted, State::running});
            const Tag tag = slot.tag();
            if (tag == Tag{block, State::done}) {
                memory = slot.output.data();
            } else if (last_late_ != block &&
                       (tag == Tag{block, State::submitted} || tag == Tag{block, State::running})) {
                last_late_ = block;
                statistics_.count_late();
            }
        }
        for (int i = 0; i < outlet_count; ++i) {
            Concealer& outlet = outlets_[static_cast<size_t>(i)];
            Sample* out = outputs[i] ? outputs[i] + from : nullptr;
            if (memory) {
                outlet.play(memory + static_cast<ptrdiff_t>(i) * length, offset, out, count);
            } else if (position < first_) {
                outlet.rest(out, count);
            } else {
                outlet.conceal(out, count);
            }
        }
        from += count;
        position += count;
    }
}

template <bool wait>
bool Stream::open_block(int64_t block) noexcept TIMBREL_NONBLOCKING_IF(!wait) {
    Slot& slot = audio_ring_->slot(block);
    Tag tag = slot.tag();
    if constexpr (wait) {
        wait_while(tag.block, {State::submitted, State::running});
        tag = slot.tag();
    }
    if (tag.state == State::submitted) {
        skip(slot, tag);
        tag = slot.tag();
    }
    if (tag.state == State::running || tag.state == State::abandoned) {
        // The worker still writes there. This block is lost as a whole.
        statistics_.count_skipped();
        return false;
    }
    slot.set({block, State::free});
    return true;
}

void Stream::submit_block(int64_t block, bool may_skip) noexcept TIMBREL_NONBLOCKING {
    // One that waits beyond those that a single call may bring is normal for a moment; with two,
    // the worker does not keep up, and the oldest is the one that is of least use.
    if (may_skip && audio_ring_->submitted() > schedule_.blocks_per_call()) {
        if (const auto oldest = audio_ring_->oldest_submitted()) {
            skip(audio_ring_->slot(*oldest), {*oldest, State::submitted});
        }
    }
    Slot& slot = audio_ring_->slot(block);
    slot.reset_before = model_reset_due_;
    model_reset_due_ = false;
    slot.set({block, State::submitted});
    pool_.wake_one();
}

void Stream::skip(Slot& slot, Tag tag) noexcept TIMBREL_NONBLOCKING {
    if (!slot.change(tag, {tag.block, State::skipped}))
        return;  // a worker was quicker
    statistics_.count_skipped();
    model_reset_due_ |= slot.reset_before;
}

// Goes on with a block that nothing before this moment has part in.
void Stream::restart() noexcept TIMBREL_NONBLOCKING {
    if (!audio_ring_)
        return;
    while (const auto block = audio_ring_->oldest_submitted()) {
        Slot& slot = audio_ring_->slot(*block);
        if (slot.change({*block, State::submitted}, {*block, State::skipped})) {
            model_reset_due_ |= slot.reset_before;
        }
    }
    position_ = first_ = round_up(position_, schedule_.block);
    block_open_ = false;
}

void Stream::wait_while(int64_t block, std::initializer_list<State> states) const {
    for (;;) {
        const uint32_t ticks = audio_ring_->ticks();
        const Tag tag = audio_ring_->slot(block).tag();
        if (tag.block != block ||
            std::find(states.begin(), states.end(), tag.state) == states.end()) {
            return;
        }
        if (abandoned_.load(std::memory_order_acquire))
            return;
        audio_ring_->wait(ticks);
    }
}

template void Stream::play_call<false>(const float* const*, float* const*,
                                       int) noexcept TIMBREL_NONBLOCKING;
template void Stream::play_call<false>(const double* const*, double* const*,
                                       int) noexcept TIMBREL_NONBLOCKING;
template void Stream::play_call<true>(const float* const*, float* const*, int) noexcept
    TIMBREL_NONBLOCKING_IF(false);
template void Stream::play_call<true>(const double* const*, double* const*, int) noexcept
    TIMBREL_NONBLOCKING_IF(false);

// ---- workers ----

std::optional<Stream::Waiting> Stream::waiting() const {
    const std::lock_guard lock(ring_mutex_);
    if (!ring_)
        return std::nullopt;
    const auto block = ring_->oldest_submitted();
    if (!block)
        return std::nullopt;
    const Schedule& schedule = ring_->schedule;
    const int64_t played_at = *block * schedule.block + schedule.latency();
    const int64_t now = ring_->host_position.load(std::memory_order_relaxed);
    const double due_in = static_cast<double>(played_at - now) / schedule.sample_rate;
    return Waiting{*block, due_in, last_seconds_};
}

std::optional<Job> Stream::take(const Waiting& waiting) {
    const std::lock_guard lock(ring_mutex_);
    const Tag submitted{waiting.block, State::submitted};
    if (!ring_ || !ring_->slot(waiting.block).change(submitted, {waiting.block, State::running})) {
        return std::nullopt;  // given up, or laid out anew, in this very moment
    }
    return Job{ring_, waiting.block};
}

void Stream::run(const Job& job) {
    Slot& slot = job.ring->slot(job.block);
    State outcome = State::done;
    const auto start = std::chrono::steady_clock::now();
    try {
        if (slot.reset_before)
            model_->reset();
        statistics_.count_non_finite(silence_non_finite(slot.input));
        model_->compute(options_.method, slot.input.data(), slot.output.data(), options_.batch,
                        job.ring->schedule.block);
        statistics_.count_non_finite(silence_non_finite(slot.output));
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        last_seconds_ = elapsed.count();
        statistics_.count_block(static_cast<float>(1000 * elapsed.count()));
    } catch (const std::exception& error) {
        outcome = State::failed;
        error_.give(error.what());
    } catch (...) {
        outcome = State::failed;
        error_.give("the model raised an error of an unknown kind");
    }
    if (outcome == State::failed)
        statistics_.count_failed();
    if (!slot.change({job.block, State::running}, {job.block, outcome})) {
        slot.set(
            {job.block, State::skipped});  // was abandoned, and came back: the slot is free again
    }
    job.ring->tick();
}

void Stream::abandon(const Job& job) {
    abandoned_.store(true, std::memory_order_release);
    job.ring->slot(job.block).change({job.block, State::running}, {job.block, State::abandoned});
    job.ring->tick();
    {
        // A host that has laid its blocks out anew since waits there.
        const std::lock_guard lock(ring_mutex_);
        ring_->tick();
    }
    error_.give("the model does not return from a block; the object is silent until it does");
}

void Stream::recover() {
    abandoned_.store(false, std::memory_order_release);
}

}  // namespace timbrel
