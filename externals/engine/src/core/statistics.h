// Counters that the audio thread and the workers write without waiting, and a host reads.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "timbrel/engine.h"

namespace timbrel {

struct Report {
    // Since the stream was made, over all that it played.
    uint64_t blocks = 0, late = 0, skipped = 0, failed = 0, non_finite = 0, swaps = 0;
    // Of what it plays now.
    double median_ms = 0, p99_ms = 0, max_ms = 0;
};

// All accesses are relaxed: each number is right by itself, and no decision hangs on them.
class Counter {
  public:
    void add(uint64_t count = 1) noexcept TIMBREL_NONBLOCKING {
        count_.fetch_add(count, std::memory_order_relaxed);
    }
    uint64_t read() const noexcept TIMBREL_NONBLOCKING {
        return count_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<uint64_t> count_{0};
};

struct Counters {
    Counter blocks, late, skipped, failed, non_finite, swaps;
};

// How long the latest blocks of one voice took.
class Times {
  public:
    static constexpr size_t kRecent = 1024;

    // By the one worker that runs the voice's block.
    void add(float milliseconds) noexcept TIMBREL_NONBLOCKING {
        const uint64_t index = blocks_.fetch_add(1, std::memory_order_relaxed);
        recent_ms_[index % kRecent].store(milliseconds, std::memory_order_relaxed);
    }

    // Fills in the report's times.
    void read(Report& report) const {
        std::vector<float> recent;
        const uint64_t blocks = blocks_.load(std::memory_order_relaxed);
        for (size_t i = 0; i < std::min<uint64_t>(blocks, kRecent); ++i)
            recent.push_back(recent_ms_[i].load(std::memory_order_relaxed));
        if (recent.empty())
            return;
        std::sort(recent.begin(), recent.end());
        report.median_ms = recent[recent.size() / 2];
        report.p99_ms = recent[recent.size() * 99 / 100];
        report.max_ms = recent.back();
    }

    double median_ms() const {
        Report report;
        read(report);
        return report.median_ms;
    }

  private:
    std::atomic<uint64_t> blocks_{0};
    std::array<std::atomic<float>, kRecent> recent_ms_{};
};

}  // namespace timbrel
