// The slots of a stream for one layout, shared by its audio thread and the worker that serves it.
#pragma once

#include <atomic>
#include <deque>
#include <optional>

#include "model.h"
#include "schedule.h"
#include "slot.h"
#include "timbrel/engine.h"

namespace timbrel {

class Ring {
  public:
    Ring(const Shape& shape, int batch, const Schedule& schedule) : schedule(schedule) {
        for (int i = 0; i < schedule.slots(); ++i) {
            slots_.emplace_back(shape.input_size(batch, schedule.block),
                                shape.output_size(batch, schedule.block));
        }
    }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

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

    const Schedule schedule;
    // Read by workers to order streams by deadline; a value that is a call old does no harm.
    std::atomic<int64_t> host_position{0};

  private:
    std::deque<Slot> slots_;  // never moves its elements, which hold atomics
    std::atomic<uint32_t> ticks_{0};
};

}  // namespace timbrel
