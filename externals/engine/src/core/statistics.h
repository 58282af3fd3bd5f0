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
    uint64_t blocks = 0, late = 0, skipped = 0, failed = 0, non_finite = 0;
    double median_ms = 0, p99_ms = 0, max_ms = 0;
};

// All accesses are relaxed: each number is right by itself, and no decision hangs on them.
class Statistics {
  public:
    static constexpr size_t kRecent = 1024;

    void count_late() noexcept TIMBREL_NONBLOCKING {
        late_.fetch_add(1, std::memory_order_relaxed);
    }
    void count_skipped() noexcept TIMBREL_NONBLOCKING {
        skipped_.fetch_add(1, std::memory_order_relaxed);
    }
    void count_failed() noexcept TIMBREL_NONBLOCKING {
        failed_.fetch_add(1, std::memory_order_relaxed);
    }
    void count_non_finite(uint64_t samples) noexcept TIMBREL_NONBLOCKING {
        if (samples)
            non_finite_.fetch_add(samples, std::memory_order_relaxed);
    }
    // By the one worker that runs the stream's block.
    void count_block(float milliseconds) noexcept TIMBREL_NONBLOCKING {
        const uint64_t index = blocks_.fetch_add(1, std::memory_order_relaxed);
        recent_ms_[index % kRecent].store(milliseconds, std::memory_order_relaxed);
    }

    Report report() const {
        Report report;
        report.blocks = blocks_.load(std::memory_order_relaxed);
        report.late = late_.load(std::memory_order_relaxed);
        report.skipped = skipped_.load(std::memory_order_relaxed);
        report.failed = failed_.load(std::memory_order_relaxed);
        report.non_finite = non_finite_.load(std::memory_order_relaxed);
        std::vector<float> recent;
        for (size_t i = 0; i < std::min<uint64_t>(report.blocks, kRecent); ++i) {
            recent.push_back(recent_ms_[i].load(std::memory_order_relaxed));
        }
        if (!recent.empty()) {
            std::sort(recent.begin(), recent.end());
            report.median_ms = recent[recent.size() / 2];
            report.p99_ms = recent[recent.size() * 99 / 100];
            report.max_ms = recent.back();
        }
        return report;
    }

  private:
    std::atomic<uint64_t> blocks_{0}, late_{0}, skipped_{0}, failed_{0}, non_finite_{0};
    std::array<std::atomic<float>, kRecent> recent_ms_{};
};

}  // namespace timbrel
