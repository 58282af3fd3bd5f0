// One block on its way from the audio thread to a worker and back.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "timbrel/engine.h"

namespace timbrel {

// free -> submitted -> (worker takes) -> running -> done | failed -> (audio plays)
//              \-> skipped (audio gave it up)  \-> abandoned (it never returned)
enum class State : uint8_t { free, submitted, running, done, failed, skipped, abandoned };

// A state together with the block it speaks of, in one word: a slot that was used again in between
// cannot be mistaken for the block it held before.
struct Tag {
    int64_t block = -1;
    State state = State::free;

    bool operator==(const Tag&) const = default;
};

class Slot {
  public:
    explicit Slot(size_t output_size) : output(output_size) {}

    // acquire: whoever sees a state sees the samples that were written before it was set.
    Tag tag() const noexcept TIMBREL_NONBLOCKING {
        return unpack(word_.load(std::memory_order_acquire));
    }

    // release: the counterpart of the above.
    void set(Tag tag) noexcept TIMBREL_NONBLOCKING {
        word_.store(pack(tag), std::memory_order_release);
    }

    // For the two transitions that both sides may want at once: a submitted block is either taken
    // by a worker or given up by the audio thread; a running one either ends or is abandoned.
    bool change(Tag from, Tag to) noexcept TIMBREL_NONBLOCKING {
        uint64_t expected = pack(from);
        return word_.compare_exchange_strong(expected, pack(to), std::memory_order_acq_rel,
                                             std::memory_order_acquire);
    }

    std::vector<float> output;  // (batch, out_channels, block / out_ratio)
    bool reset_before = false;  // the model forgets its state before it computes this block

  private:
    static uint64_t pack(Tag tag) noexcept TIMBREL_NONBLOCKING {
        return static_cast<uint64_t>(tag.block) << 3 | static_cast<uint64_t>(tag.state);
    }
    static Tag unpack(uint64_t word) noexcept TIMBREL_NONBLOCKING {
        return {static_cast<int64_t>(word) >> 3, static_cast<State>(word & 7)};
    }

    std::atomic<uint64_t> word_{pack({})};
};

static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace timbrel
