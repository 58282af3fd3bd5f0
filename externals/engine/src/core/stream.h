// A model played by a host: cuts its signal into blocks, has them computed by workers, and plays
// what comes back at a fixed delay.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "concealer.h"
#include "error_line.h"
#include "model.h"
#include "ring.h"
#include "statistics.h"
#include "timbrel/engine.h"

namespace timbrel {

class WorkerPool;

// A block that a worker has taken.
struct Job {
    std::shared_ptr<Ring> ring;  // keeps the memory of the block, whatever the host does meanwhile
    int64_t block = 0;
};

class Stream {
  public:
    struct Options {
        std::string method = "forward";
        Shape shape;
        int block = kSmallestDefaultBlock;  // a multiple of the model's ratios
        bool blocking = false;  // buffer 0: blocks are due in the call that completes them
        int batch = 1;
    };

    // `pool` outlives the stream.
    Stream(std::unique_ptr<Model> model, Options options, WorkerPool& pool);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // [control] `slack` < 0: max(block, vector), or 0 for a blocking stream. Not at the same time
    // as process.
    void prepare(double sample_rate, int vector, bool varies, int slack);

    // [audio] Inputs: batch * in_channels vectors, outputs: batch * out_channels. See engine.h.
    template <typename Sample>
    void process(const Sample* const* inputs, Sample* const* outputs,
                 int frames) noexcept TIMBREL_NONBLOCKING {
        play_call<false>(inputs, outputs, frames);
    }
    // [audio, not in real time] The same, but waits for blocks that are due.
    template <typename Sample>
    void process_blocking(const Sample* const* inputs, Sample* const* outputs, int frames) {
        play_call<true>(inputs, outputs, frames);
    }

    // [any]
    void set_enabled(bool enabled) noexcept TIMBREL_NONBLOCKING {
        enabled_.store(enabled, std::memory_order_relaxed);
    }
    bool enabled() const noexcept TIMBREL_NONBLOCKING {
        return enabled_.load(std::memory_order_relaxed);
    }
    void reset() noexcept TIMBREL_NONBLOCKING {
        reset_requested_.store(true, std::memory_order_relaxed);
    }
    bool poll_error(char* buffer, size_t size) noexcept TIMBREL_NONBLOCKING {
        return error_.take(buffer, size);
    }

    // [control]
    Report report() const { return statistics_.report(); }
    Schedule schedule() const { return schedule_; }
    const Options& options() const { return options_; }

    // The rest is for the pool, under its lock or by the one worker that runs the stream's block.
    struct Waiting {
        int64_t block = 0;
        double due_in = 0;   // seconds until its first sample is played; negative: late already
        double seconds = 0;  // that the last block took

        // Earliest deadline first, but a model that is too slow must not starve all others: blocks
        // that will be late anyway come after those that can be on time, the shortest first.
        bool hopeless() const { return due_in < seconds; }
        bool before(const Waiting& other) const {
            if (hopeless() != other.hopeless())
                return other.hopeless();
            return hopeless() ? seconds < other.seconds : due_in < other.due_in;
        }
    };
    std::optional<Waiting> waiting() const;
    std::optional<Job> take(const Waiting& waiting);
    void run(const Job& job);
    void abandon(const Job& job);
    void recover();

  private:
    template <bool wait, typename Sample>
    void play_call(const Sample* const* inputs, Sample* const* outputs, int frames) noexcept
        TIMBREL_NONBLOCKING_IF(!wait);
    template <bool wait, typename Sample>
    void read(const Sample* const* inputs, int from, int frames) noexcept
        TIMBREL_NONBLOCKING_IF(!wait);
    template <bool wait, typename Sample>
    void write(Sample* const* outputs, int from, int frames, int64_t position) noexcept
        TIMBREL_NONBLOCKING_IF(!wait);
    template <bool wait>
    bool open_block(int64_t block) noexcept TIMBREL_NONBLOCKING_IF(!wait);
    void submit_block(int64_t block, bool may_skip) noexcept TIMBREL_NONBLOCKING;
    void skip(Slot& slot, Tag tag) noexcept TIMBREL_NONBLOCKING;
    void restart() noexcept TIMBREL_NONBLOCKING;
    void wait_while(int64_t block, std::initializer_list<State> states) const;

    const Options options_;
    WorkerPool& pool_;
    Schedule schedule_;

    // The audio thread's own.
    Ring* audio_ring_ = nullptr;
    int64_t position_ = 0;     // samples read so far
    int64_t first_ = 0;        // nothing before this position is played
    int64_t last_late_ = -1;   // the block that was counted as late last
    bool block_open_ = false;  // the block being filled has a slot
    bool model_reset_due_ = false;
    bool was_enabled_ = true;
    std::vector<Concealer> outlets_;

    // Between threads.
    std::atomic<bool> enabled_{true};
    std::atomic<bool> reset_requested_{false};
    std::atomic<bool> abandoned_{false};  // a block never returned: nothing is worth waiting for
    ErrorLine error_;
    Statistics statistics_;
    mutable std::mutex ring_mutex_;  // of control and worker threads; guards the pointer only
    std::shared_ptr<Ring> ring_;

    // The worker's own.
    std::unique_ptr<Model> model_;
    double last_seconds_ = 0;  // that a block took; read under the pool's lock, between blocks
};

}  // namespace timbrel
