#include "voice.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "worker_pool.h"

namespace timbrel {

void Outbox::Retired::give(Voice* voice) noexcept TIMBREL_NONBLOCKING {
    // There is only this one that gives: between the two, the list can only become empty.
    voice->next_retired = first_.exchange(nullptr, std::memory_order_acquire);
    first_.store(voice, std::memory_order_release);
}

Voice::Voice(std::shared_ptr<const Loaded> loaded, std::unique_ptr<Model> model, Channels channels,
             std::shared_ptr<Outbox> outbox, WorkerPool& pool)
    : loaded_(std::move(loaded)),
      channels_(channels),
      outlets_(std::min(channels.outlets, loaded_->method.shape.out_channels)),
      outbox_(outbox),
      pool_(pool),
      computer_(*loaded_, std::move(model), channels.batch, std::move(outbox)) {}

void Voice::lay_out(const Layout& layout) {
    if (ring_of_audio_)
        skip_submitted();  // so that a reset that waits in a block is not lost with it
    const Schedule schedule = loaded_->schedule(layout.sample_rate, layout.vector, layout.varies);
    resampling_latency_ = loaded_->resampling_latency(schedule);
    model_latency_ = loaded_->model_latency(layout.sample_rate);
    const int64_t reach = needed_reach(schedule, model_latency_ + resampling_latency_);
    // A block may be too large for what the stream keeps for all.
    const auto history = layout.history->reach() >= reach
                             ? layout.history
                             : make_history(channels_, layout.sample_rate, layout.vector, reach);
    if (history != layout.history)
        history->jump(layout.history->end(), false);
    Shape at_host = shape();
    if (loaded_->converts(layout.sample_rate))
        at_host.in_ratio = at_host.out_ratio = 1;
    auto ring = std::make_shared<Ring>(at_host, channels_.batch, schedule, layout.epoch, history);
    ring_of_audio_ = ring.get();
    resets_ = history->resets();
    next_block_ = first_ = 0;
    backlog_ = 0;
    last_late_ = -1;
    const bool latents = shape().out_ratio > 1;
    concealers_.assign(static_cast<size_t>(channels_.batch * outlets_),
                       Concealer(at_host.out_ratio, latents));
    const std::lock_guard lock(ring_mutex_);
    ring_.swap(ring);
}

void Voice::prime_from(int64_t block) {
    next_block_ = block;
    first_ = block * schedule().block;
}

bool Voice::prime() {
    Ring& ring = *ring_of_audio_;
    tell_layout(ring);
    if (!read_input(ring, next_block_))
        return false;
    Slot& slot = ring.slot(next_block_);
    computer_.compute(input_, slot.output, ring.schedule.block, next_block_ * ring.schedule.block);
    slot.set({next_block_, State::done});
    ++next_block_;
    return true;
}

bool Voice::tell(Instruction instruction) {
    untold_.fetch_add(1, std::memory_order_relaxed);
    if (!told_.push(std::move(instruction))) {
        untold_.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }
    pool_.wake_one();
    return true;
}

void Voice::wait_until_it_obeys() const {
    for (;;) {
        const uint32_t steps = steps_.load(std::memory_order_acquire);
        if (obeys() || stalled_.load(std::memory_order_acquire))
            return;
        steps_.wait(steps, std::memory_order_acquire);
    }
}

void Voice::step() {
    steps_.fetch_add(1, std::memory_order_release);
    steps_.notify_all();
}

std::vector<Event> Voice::follow(const Bearing& bearing, const std::vector<Instruction>& told) {
    if (ring_of_audio_)
        tell_layout(*ring_of_audio_);
    std::vector<Event> said = computer_.adopt(bearing);
    for (const Instruction& instruction : told) {
        if (auto event = computer_.obey(instruction))
            said.push_back(std::move(*event));
    }
    publish_bearing();
    return said;
}

Bearing Voice::bearing() const {
    const std::lock_guard lock(bearing_mutex_);
    Bearing bearing = bearing_;
    if (const LatentStage* stage = computer_.stage())
        bearing.latents = stage->settings();
    return bearing;
}

std::string Voice::first_failure() const {
    const std::lock_guard lock(bearing_mutex_);
    return first_failure_;
}

double Voice::load() const {
    std::shared_ptr<Ring> ring;
    {
        const std::lock_guard lock(ring_mutex_);
        ring = ring_;
    }
    if (!ring)
        return 0;
    const double block_ms = 1000.0 * ring->schedule.block / ring->schedule.sample_rate;
    const double median_ms = times_.median_ms();
    return (median_ms > 0 ? median_ms : 1000 * loaded_->seconds_per_block) / block_ms;
}

// ---- audio thread ----

void Voice::enter(int64_t position) noexcept TIMBREL_NONBLOCKING {
    const History& history = *ring_of_audio_->history;
    const int64_t behind = position / schedule().block - next_block_;
    const int resets = history.resets();
    if (behind > ring_of_audio_->catch_up || resets != resets_ ||
        !history.holds(next_block_ * schedule().block)) {
        begin(position, resets != resets_);
        resets_ = resets;
        return;
    }
    backlog_ = static_cast<int>(std::max<int64_t>(behind, 0));
}

void Voice::begin(int64_t position, bool reset) noexcept TIMBREL_NONBLOCKING {
    skip_submitted();
    const int64_t block_size = schedule().block;
    next_block_ = (position + block_size - 1) / block_size;
    first_ = next_block_ * block_size;
    backlog_ = 0;
    if (!reset)
        return;
    reset_due_ = true;
    for (Concealer& concealer : concealers_)
        concealer.restart();
}

template <bool wait>
void Voice::feed(int64_t position) noexcept TIMBREL_NONBLOCKING_IF(!wait) {
    for (; (next_block_ + 1) * schedule().block <= position; ++next_block_)
        submit<wait>(next_block_);
}

template <bool wait>
void Voice::submit(int64_t block) noexcept TIMBREL_NONBLOCKING_IF(!wait) {
    Ring& ring = *ring_of_audio_;
    Slot& slot = ring.slot(block);
    if constexpr (wait)
        wait_while(slot.tag().block, {State::submitted, State::running});
    Tag tag = slot.tag();
    if (tag.state == State::submitted) {
        skip(slot, tag);
        tag = slot.tag();
    }
    if (tag.state == State::running || tag.state == State::abandoned) {
        // The worker still writes there. This block is lost as a whole.
        outbox_->counters.skipped.add();
        return;
    }
    if constexpr (!wait) {
        // One that waits beyond those that a single call may bring is normal for a moment; with
        // two, the worker does not keep up, and the oldest is the one that is of least use.
        const int submitted = ring.submitted();
        backlog_ = std::min(backlog_, submitted);
        if (submitted > std::max(schedule().blocks_per_call(), backlog_)) {
            if (const auto oldest = ring.oldest_submitted())
                skip(ring.slot(*oldest), {*oldest, State::submitted});
        }
    }
    slot.reset_before = reset_due_;
    reset_due_ = false;
    slot.set({block, State::submitted});
    pool_.wake_one();
}

void Voice::skip(Slot& slot, Tag tag) noexcept TIMBREL_NONBLOCKING {
    if (!slot.change(tag, {tag.block, State::skipped}))
        return;  // a worker was quicker
    outbox_->counters.skipped.add();
    reset_due_ |= slot.reset_before;
}

void Voice::skip_submitted() noexcept TIMBREL_NONBLOCKING {
    while (const auto block = ring_of_audio_->oldest_submitted()) {
        Slot& slot = ring_of_audio_->slot(*block);
        if (slot.change({*block, State::submitted}, {*block, State::skipped}))
            reset_due_ |= slot.reset_before;
    }
}

template <bool wait>
bool Voice::ready(int64_t position, int frames) noexcept TIMBREL_NONBLOCKING_IF(!wait) {
    const int64_t from = position - schedule().latency(), until = from + frames;
    if (from < first_)
        return false;
    for (int64_t block = from / schedule().block; block * schedule().block < until; ++block) {
        if constexpr (wait)
            wait_while(block, {State::submitted, State::running});
        if (ring_of_audio_->slot(block).tag() != Tag{block, State::done})
            return false;
    }
    return true;
}

bool Voice::failed(int64_t position) noexcept TIMBREL_NONBLOCKING {
    if (abandoned_.load(std::memory_order_acquire))
        return true;
    const int64_t from = position - schedule().latency();
    if (from < first_)
        return false;
    const int64_t block = from / schedule().block;
    return ring_of_audio_->slot(block).tag() == Tag{block, State::failed};
}

template <bool wait>
void Voice::render(int64_t position, int frames, float* outlets, int stride) noexcept
    TIMBREL_NONBLOCKING_IF(!wait) {
    const int block_size = schedule().block;
    const int length = block_size / ring_of_audio_->shape.out_ratio;
    int64_t from = position - schedule().latency();
    for (int done = 0; done < frames;) {
        int count = frames - done;
        const float* memory = nullptr;
        int offset = 0;
        if (from < first_) {
            count = static_cast<int>(std::min<int64_t>(count, first_ - from));
        } else {
            const int64_t block = from / block_size;
            offset = static_cast<int>(from % block_size);
            count = std::min(count, block_size - offset);
            const Slot& slot = ring_of_audio_->slot(block);
            if constexpr (wait)
                wait_while(block, {State::submitted, State::running});
            const Tag tag = slot.tag();
            if (tag == Tag{block, State::done}) {
                memory = slot.output.data();
            } else if (last_late_ != block &&
                       (tag == Tag{block, State::submitted} || tag == Tag{block, State::running})) {
                last_late_ = block;
                outbox_->counters.late.add();
            }
        }
        for (int example = 0; example < channels_.batch; ++example) {
            for (int outlet = 0; outlet < outlets_; ++outlet) {
                Concealer& concealer =
                    concealers_[static_cast<size_t>(example * outlets_ + outlet)];
                float* out = outlets +
                             static_cast<ptrdiff_t>(example * channels_.outlets + outlet) * stride +
                             done;
                const ptrdiff_t channel = example * shape().out_channels + outlet;
                if (memory) {
                    concealer.play(memory + channel * length, offset, out, count);
                } else if (from < first_) {
                    concealer.rest(out, count);
                } else {
                    concealer.conceal(out, count);
                }
            }
        }
        done += count;
        from += count;
    }
}

void Voice::silence() noexcept TIMBREL_NONBLOCKING {
    for (Concealer& concealer : concealers_)
        concealer.silence();
}

void Voice::wait_while(int64_t block, std::initializer_list<State> states) const {
    for (;;) {
        const uint32_t ticks = ring_of_audio_->ticks();
        const Tag tag = ring_of_audio_->slot(block).tag();
        if (tag.block != block ||
            std::find(states.begin(), states.end(), tag.state) == states.end()) {
            return;
        }
        if (abandoned_.load(std::memory_order_acquire))
            return;
        ring_of_audio_->wait(ticks);
    }
}

void Voice::finish_blocks() const {
    for (int64_t slot = 0; slot < ring_of_audio_->slots(); ++slot)
        wait_while(ring_of_audio_->slot(slot).tag().block, {State::submitted, State::running});
}

template void Voice::feed<false>(int64_t) noexcept TIMBREL_NONBLOCKING;
template void Voice::feed<true>(int64_t) noexcept TIMBREL_NONBLOCKING_IF(false);
template bool Voice::ready<false>(int64_t, int) noexcept TIMBREL_NONBLOCKING;
template bool Voice::ready<true>(int64_t, int) noexcept TIMBREL_NONBLOCKING_IF(false);
template void Voice::render<false>(int64_t, int, float*, int) noexcept TIMBREL_NONBLOCKING;
template void Voice::render<true>(int64_t, int, float*, int) noexcept TIMBREL_NONBLOCKING_IF(false);

// ---- workers ----

std::optional<Voice::Waiting> Voice::waiting() const {
    if (outbox_->closed.load(std::memory_order_relaxed))
        return std::nullopt;
    const double seconds = last_seconds_.load(std::memory_order_relaxed);
    const std::lock_guard lock(ring_mutex_);
    if (ring_) {
        if (const auto block = ring_->oldest_submitted()) {
            const Schedule& schedule = ring_->schedule;
            const int64_t played_at = *block * schedule.block + schedule.latency();
            const double due_in =
                static_cast<double>(played_at - ring_->history->end()) / schedule.sample_rate;
            return Waiting{block, due_in, seconds};
        }
    }
    // Somebody waits for what comes of it.
    if (untold_.load(std::memory_order_acquire))
        return Waiting{};
    return std::nullopt;
}

std::optional<Job> Voice::take(const Waiting& waiting) {
    if (!waiting.block)
        return Job{};
    const std::lock_guard lock(ring_mutex_);
    const Tag submitted{*waiting.block, State::submitted};
    if (!ring_ || !ring_->slot(*waiting.block).change(submitted, {*waiting.block, State::running}))
        return std::nullopt;  // given up, or laid out anew, in this very moment
    return Job{ring_, *waiting.block};
}

void Voice::run(const Job& job) {
    if (!job.ring) {
        obey_until(INT64_MAX, -1);
        return;
    }
    Ring& ring = *job.ring;
    Slot& slot = ring.slot(job.block);
    const int block_size = ring.schedule.block;
    State outcome = State::done;
    const auto start = std::chrono::steady_clock::now();
    try {
        tell_layout(ring);
        obey_until((job.block + 1) * block_size, ring.epoch);
        if (slot.reset_before)
            computer_.reset();
        if (read_input(ring, job.block)) {
            computer_.compute(input_, slot.output, block_size, job.block * block_size);
            const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
            last_seconds_.store(elapsed.count(), std::memory_order_relaxed);
            times_.add(static_cast<float>(1000 * elapsed.count()));
            outbox_->counters.blocks.add();
        } else {
            outcome = State::skipped;  // it has waited for longer than the history reaches back
            outbox_->counters.skipped.add();
        }
    } catch (const std::exception& error) {
        outcome = State::failed;
        fail(error.what());
    } catch (...) {
        outcome = State::failed;
        fail("the model raised an error of an unknown kind");
    }
    if (outcome == State::failed)
        outbox_->counters.failed.add();
    if (!slot.change({job.block, State::running}, {job.block, outcome})) {
        // It was abandoned, and came back: the slot is free again.
        slot.set({job.block, State::skipped});
    }
    ring.tick();
    if (outbox_->retired.any())
        outbox_->collect();
}

void Voice::tell_layout(const Ring& ring) {
    if (epoch_ == ring.epoch)
        return;
    computer_.restart(ring.schedule);
    epoch_ = ring.epoch;
}

bool Voice::read_input(const Ring& ring, int64_t block) {
    const History& history = *ring.history;
    const int ratio = ring.shape.in_ratio;
    const int count = ring.schedule.block / ratio;
    const int64_t from = block * ring.schedule.block;
    input_.assign(ring.shape.input_size(channels_.batch, ring.schedule.block), 0.0F);
    const int channels = std::min(channels_.inlets, shape().in_channels);
    for (int example = 0; example < channels_.batch; ++example) {
        for (int channel = 0; channel < channels; ++channel) {
            const ptrdiff_t line = example * shape().in_channels + channel;
            // A method sees the last sample of each group of `ratio`.
            history.read(example * channels_.inlets + channel, from + ratio - 1, ratio, count,
                         input_.data() + line * count);
        }
    }
    return history.holds(from);
}

void Voice::obey_until(int64_t position, int epoch) {
    while (auto instruction = told_.pop())
        pending_.push_back(std::move(*instruction));
    while (!pending_.empty()) {
        Instruction& next = pending_.front();
        if (next.epoch == epoch && next.at >= position)
            break;
        if (auto* move = std::get_if<LatentMove>(&next.what)) {
            if (next.epoch != epoch_)
                move->at = 0;
        }
        if (auto event = computer_.obey(next))
            outbox_->events.push(std::move(*event));
        pending_.pop_front();
        publish_bearing();
        untold_.fetch_sub(1, std::memory_order_release);
        step();
    }
}

void Voice::publish_bearing() {
    Bearing bearing = computer_.bearing();
    const std::lock_guard lock(bearing_mutex_);
    bearing_ = std::move(bearing);
}

// A model that fails at every block must not flood the host's console.
void Voice::fail(const std::string& line) {
    if (!heard.load(std::memory_order_relaxed)) {
        const std::lock_guard lock(bearing_mutex_);
        if (first_failure_.empty())
            first_failure_ = line;
        return;
    }
    if (line != std::exchange(last_failure_, line))
        outbox_->error(line);
}

void Voice::stall() {
    stalled_.store(true, std::memory_order_release);
    step();
}

void Voice::abandon(const Job& job) {
    constexpr const char* kLine =
        "the model does not return from a block; the object is silent until it does";
    abandoned_.store(true, std::memory_order_release);
    if (job.ring) {
        job.ring->slot(job.block).change({job.block, State::running},
                                         {job.block, State::abandoned});
        job.ring->tick();
    }
    {
        // A host that has laid its blocks out anew since waits there.
        const std::lock_guard lock(ring_mutex_);
        if (ring_)
            ring_->tick();
    }
    if (heard.load(std::memory_order_relaxed)) {
        outbox_->error(kLine);
    } else {
        const std::lock_guard lock(bearing_mutex_);
        first_failure_ = kLine;
    }
}

void Voice::recover() {
    stalled_.store(false, std::memory_order_release);
    abandoned_.store(false, std::memory_order_release);
}

}  // namespace timbrel
