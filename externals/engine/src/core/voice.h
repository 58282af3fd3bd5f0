// One instance of a model that is played, or about to be: has a stream's blocks computed by
// workers, and plays what comes back at a fixed delay.
#pragma once

#include <atomic>
#include <deque>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "block_computer.h"
#include "concealer.h"
#include "layout.h"
#include "outbox.h"
#include "ring.h"
#include "settings.h"

namespace timbrel {

class WorkerPool;

// What a worker has taken: a block, or without a ring what the model was told.
struct Job {
    std::shared_ptr<Ring> ring;  // keeps the memory of the block, whatever the host does meanwhile
    int64_t block = 0;
};

class Voice {
  public:
    // `pool` outlives it. Shared by all threads, and destroyed by whoever lets go of it last: to be
    // made with Background::keep.
    Voice(std::shared_ptr<const Loaded> loaded, std::unique_ptr<Model> model, Channels channels,
          std::shared_ptr<Outbox> outbox, WorkerPool& pool);
    Voice(const Voice&) = delete;
    Voice& operator=(const Voice&) = delete;

    // ---- loader, before the voice is offered; prepare, while nothing is processed ----

    void lay_out(const Layout& layout);
    // Has the voice hear the past: begins with that block, and computes one after the other. False
    // when it lies too far back by now. Throws what the model throws.
    void prime_from(int64_t block);
    bool prime();
    int64_t next_block() const { return next_block_; }
    // Has the model go on like another, and do what it was told in advance. What there is to say.
    std::vector<Event> follow(const Bearing& bearing, const std::vector<Instruction>& told);

    // ---- [any] ----

    const std::shared_ptr<const Loaded>& loaded() const { return loaded_; }
    const LatentStage* stage() const { return computer_.stage(); }
    const Times& times() const { return times_; }
    // Between blocks, in the order in which they come: before the block that contains the position
    // at which it was said, or at once while there is nothing to compute. False: too many wait.
    bool tell(Instruction instruction);
    bool obeys() const { return untold_.load(std::memory_order_acquire) == 0; }
    // [loader] Until it has done what it was told, or hangs.
    void wait_until_it_obeys() const;
    // As it was last told; the latents as they are now.
    Bearing bearing() const;
    // Why its first block failed, before it was ever heard.
    std::string first_failure() const;

    // ---- [audio]; what is marked `wait` waits for the workers ----

    // Comes in: its past may have been heard already. `position`: all before it is in the history.
    void enter(int64_t position) noexcept TIMBREL_NONBLOCKING;
    // [not in real time] Until every block that was submitted is computed.
    void finish_blocks() const;
    // Begins anew with the first block from there on, that nothing before has part in.
    void begin(int64_t position, bool reset) noexcept TIMBREL_NONBLOCKING;
    // Has the blocks computed that are complete at `position`.
    template <bool wait>
    void feed(int64_t position) noexcept TIMBREL_NONBLOCKING_IF(!wait);
    // Whether all that is due in `frames` samples, the first of which is heard together with the
    // one at `position`, is there.
    template <bool wait>
    bool ready(int64_t position, int frames) noexcept TIMBREL_NONBLOCKING_IF(!wait);
    // What was due at `position` will never be there.
    bool failed(int64_t position) noexcept TIMBREL_NONBLOCKING;
    // Plays it: one vector for each outlet of the stream that the model has, `stride` samples
    // apart.
    template <bool wait>
    void render(int64_t position, int frames, float* outlets, int stride) noexcept
        TIMBREL_NONBLOCKING_IF(!wait);
    // What comes next fades in; latents begin at 0.
    void silence() noexcept TIMBREL_NONBLOCKING;

    int outlets() const noexcept TIMBREL_NONBLOCKING { return outlets_; }  // per example
    const Shape& shape() const noexcept TIMBREL_NONBLOCKING { return loaded_->method.shape; }
    int latency() const noexcept TIMBREL_NONBLOCKING {
        return ring_of_audio_->schedule.latency() + model_latency_ + resampling_latency_;
    }
    bool blocking() const noexcept TIMBREL_NONBLOCKING { return loaded_->blocking; }
    const Schedule& schedule() const noexcept TIMBREL_NONBLOCKING {
        return ring_of_audio_->schedule;
    }
    int epoch() const noexcept TIMBREL_NONBLOCKING {
        return ring_of_audio_ ? ring_of_audio_->epoch : 0;
    }
    History& history() noexcept TIMBREL_NONBLOCKING { return *ring_of_audio_->history; }

    // ---- the pool, under its lock or by the one worker that runs the voice's block ----

    struct Waiting {
        std::optional<int64_t> block;  // none: instructions only
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
    void stall();  // a block takes far too long
    void abandon(const Job& job);
    void recover();
    // The part of its time that a worker spends on it.
    double load() const;

    // ---- how it takes over from another; set before it is offered ----

    enum class Entrance {
        at_once,      // nothing is heard yet
        equal_power,  // from another model
        linear,       // from the same one
    };
    Entrance entrance = Entrance::linear;
    bool fits = true;  // beside the one before; else one after the other

    // ---- between the audio thread and the loader ----

    std::atomic<bool> entered{false};
    std::atomic<bool> heard{false};  // ever
    bool rejected = false;           // retired because it failed before it was heard
    Voice* next_retired = nullptr;

  private:
    template <bool wait>
    void submit(int64_t block) noexcept TIMBREL_NONBLOCKING_IF(!wait);
    void skip(Slot& slot, Tag tag) noexcept TIMBREL_NONBLOCKING;
    void skip_submitted() noexcept TIMBREL_NONBLOCKING;
    void wait_while(int64_t block, std::initializer_list<State> states) const;
    void tell_layout(const Ring& ring);
    bool read_input(const Ring& ring, int64_t block);
    void obey_until(int64_t position, int epoch);
    void publish_bearing();
    void fail(const std::string& line);
    void step();

    const std::shared_ptr<const Loaded> loaded_;
    const Channels channels_;
    const int outlets_;
    const std::shared_ptr<Outbox> outbox_;
    WorkerPool& pool_;

    // The audio thread's own, once it is offered.
    Ring* ring_of_audio_ = nullptr;
    int64_t next_block_ = 0;  // to be submitted
    int64_t first_ = 0;       // nothing before this position is played
    int resets_ = 0;          // of the history, that the model knows of
    int backlog_ = 0;         // blocks that may wait because the voice came in late
    int64_t last_late_ = -1;  // the block that was counted as late last
    bool reset_due_ = false;
    std::vector<Concealer> concealers_;               // (batch, outlets_)
    int model_latency_ = 0, resampling_latency_ = 0;  // samples at the host's rate

    // Between threads.
    mutable std::mutex ring_mutex_;  // of control and worker threads; guards the pointer only
    std::shared_ptr<Ring> ring_;
    std::atomic<bool> abandoned_{false};  // a block never returned: nothing is worth waiting for
    std::atomic<bool> stalled_{false};
    Queue<Instruction> told_{kMostInstructions};
    std::atomic<uint32_t> untold_{0};      // instructions that were not carried out yet
    std::atomic<uint32_t> steps_{0};       // changes with the above and with stalled_
    std::atomic<double> last_seconds_{0};  // that a block took
    Times times_;
    mutable std::mutex bearing_mutex_;  // of workers and loaders
    Bearing bearing_;
    std::string first_failure_;

    // The worker's own.
    static constexpr size_t kMostInstructions = 4096;
    BlockComputer computer_;
    std::deque<Instruction> pending_;
    std::vector<float> input_;
    int epoch_ = 0;  // the layout that the model was told of
    std::string last_failure_;
};

}  // namespace timbrel
