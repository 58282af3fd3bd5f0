// When a block is complete and when it is heard: the arithmetic of buffers and latency.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "timbrel/engine.h"

namespace timbrel {

constexpr int kSmallestDefaultBlock = 2048;

// The smallest multiple of `unit` that is at least `value` and at least one unit.
constexpr int64_t round_up(int64_t value, int64_t unit) noexcept TIMBREL_NONBLOCKING {
    return std::max<int64_t>(1, (value + unit - 1) / unit) * unit;
}

// How a stream is cut into blocks and laid out in time. All values in samples at the host's rate.
struct Schedule {
    int block = 0;        // B: the network is fed with blocks of this size
    int vector = 0;       // V: the host calls with (at most) this many frames
    bool varies = false;  // calls bring any number of frames
    int slack = 0;        // D: the time inference is given
    double sample_rate = 0;

    bool operator==(const Schedule&) const = default;

    // Block k is complete at the end of the call that brings sample (k + 1) B - 1. Sample p can be
    // played in the call that ends at m if its block, floor(p / B), is complete by then. m is a
    // multiple of g = gcd(B, V), and the worst of them leave B - g samples to wait for.
    int latency() const noexcept TIMBREL_NONBLOCKING {
        const int granularity = varies ? 1 : std::gcd(block, vector);
        return block - granularity + slack;
    }

    // Blocks that one call can complete.
    int blocks_per_call() const noexcept TIMBREL_NONBLOCKING {
        return (vector + block - 1) / block;
    }

    // Between the oldest block that may still be played and the newest that is being filled lie
    // latency() + V samples; one more block on either side is in part.
    int slots() const noexcept TIMBREL_NONBLOCKING {
        return (latency() + vector + block - 1) / block + 2;
    }
};

}  // namespace timbrel
