// The slots of a voice for one layout, shared by the audio thread and the worker that serves it.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "history.h"
#include "model.h"
#include "schedule.h"
#include "slot.h"
#include "timbrel/engine.h"

namespace timbrel {

class Ring {
  public:
    Ring(const Shape& shape, int batch, const Schedule& schedule, int epoch,
         std::shared_ptr<History> history)
        : shape(shape),
          schedule(schedule),
          epoch(epoch),
          history(std::move(history)),
          catch_up(blocks_to_catch_up(schedule)) {
        for (int i = 0; i < schedule.slots() + catch_up; ++i)
            slots_.emplace_back(shape.output_size(batch, schedule.block));
    }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    int64_t slots() const { return static_cast<int64_t>(slots_.size()); }
    Slot& slot(int64_t block) noexcept TIMBREL_NONBLOCKING {
        return slots_[static_cast<size_t>(block) % slots_.size()];
    }

    // Bounded by the number of slots: may be called by the audio thread.
    std::optional<int64_t> oldest_submitted() const noexcept TIMBREL_NONBLOCKING {
        std::optional<int64_t> oldest;
        for (const Slot& slot : slots_) {
            const Tag tag = slot.tag();
            if (tag.state == State::submitted && (!oldest || tag.block < *oldest))
                oldest = tag.block;
        }
        return oldest;
    }

    int submitted() const noexcept TIMBREL_NONBLOCKING {
        int count = 0;
        for (const Slot& slot : slots_)
            count += slot.tag().state == State::submitted;
        return count;
    }

    // Waiting, for offline rendering only: read `ticks`, look at the slots, wait for the next tick.
    // Workers tick after every change that a waiting thread may wait for.
    uint32_t ticks() const { return ticks_.load(std::memory_order_acquire); }
    void wait(uint32_t seen) const { ticks_.wait(seen, std::memory_order_acquire); }
    void tick() {
        ticks_.fetch_add(1, std::memory_order_release);
        ticks_.notify_all();
    }

    const Shape shape;  // of what goes in and comes out, at the host's rate
    const Schedule schedule;
    const int epoch;                         // of the layout
    const std::shared_ptr<History> history;  // what blocks are computed from
    const int catch_up;  // blocks that a voice may be behind, when it comes in, and work off

  private:
    // A tenth of a second, because the thread that made it ready may not run for as long.
    static int blocks_to_catch_up(const Schedule& schedule) {
        constexpr double kFewest = 4, kMost = 64;
        return static_cast<int>(
            std::clamp(0.1 * schedule.sample_rate / schedule.block, kFewest, kMost));
    }

    std::deque<Slot> slots_;  // never moves its elements, which hold atomics
    std::atomic<uint32_t> ticks_{0};
};

}  // namespace timbrel
