// An object in a patch: plays a model at a fixed delay, and goes over to another one, or to the
// same one played otherwise, without a gap.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "atoms.h"
#include "director.h"
#include "latent_stage.h"
#include "layout.h"
#include "outbox.h"
#include "playback.h"
#include "settings.h"
#include "statistics.h"
#include "timbrel/engine.h"

namespace timbrel {

class WorkerPool;

// In samples at the host's rate; all 0 before `prepare`, and for a stream that plays nothing.
struct Latency {
    int buffer = 0;          // of blocks and slack
    int model = 0;           // the model's own
    int resampling = 0;      // of the conversion between the host's rate and the model's
    double sample_rate = 0;  // Hz

    int total() const { return buffer + model + resampling; }
};

// What the latents of the model that is heard do.
struct LatentReport {
    std::vector<float> last;  // (batch, latents): the last frame; empty where there is no stage
    LatentSettings settings;
};

// Commands. `load` opens a transaction: whatever is said until the new model is offered to the
// audio thread is meant for it, and only a newer `load` supersedes it, with what was said to it.
// What comes of a command is told by events, in order:
//     "loaded" NAME METHOD   what is heard from the next call on, and what `loaded` gives
//     "attribute" NAME VALUES...   the answer to `get`
//     "error" LINE, "notice" LINE   for a person
class Stream {
  public:
    // Per example, for the life of the stream. A model with more inputs gets zeros there, its
    // outputs beyond the outlets are dropped, outlets that it does not have are silent.
    using Options = Channels;

    // [control] Plays nothing yet. `pool` outlives it.
    static std::shared_ptr<Stream> make(Options options, Load load, WorkerPool& pool);
    Stream(Options options, Load load, WorkerPool& pool);
    ~Stream();  // lets go of its models; nobody waits for them
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // [control] No block is begun after this, and no command. Returns at once.
    void close();

    // [control, slow] On this thread, for a stream that nobody processes yet and that was not sent
    // anything: what is played from the first call on. Throws.
    void open(std::shared_ptr<Prototype> prototype, Settings settings);

    // [control] Carried out in order by other threads. Never wait, never fail.
    void load(std::string path);  // with the settings of the one before, where they apply
    void reload();
    void method(std::string name);
    void buffer(int samples);  // as in Settings
    void slack(double ms);
    void place(Placement placement);
    void device(std::string name);
    void precision(std::string name);
    void resample(bool on);
    // Bound to the block that contains the stream's position of now.
    void set(std::string attribute, Atoms values);
    void get(std::string attribute);
    // Kept for the models that follow.
    void seed(std::optional<uint64_t> seed);
    // `at` is filled in. Acts at once, and on a model that is about to be heard as well.
    void move_latents(LatentMove move);

    // [control] Whether commands are under way.
    bool busy() const;
    std::shared_ptr<const Loaded> loaded() const;  // null: void
    std::unique_ptr<Event> take_event();           // null: there is nothing to say
    Latency latency() const;
    Report report() const;
    double block_ms() const;  // what a block lasts; 0 before prepare, or without a model
    double load() const;      // the median of inference as a part of that
    LatentReport latents() const;

    // [control] Not at the same time as process. The same configuration again changes nothing.
    // Offline it waits for the commands that were sent before, as process_blocking does.
    void prepare(double sample_rate, int vector, bool varies);

    // [audio] Inputs: batch * inlets vectors, example by example, outputs: batch * outlets. See
    // engine.h.
    template <typename Sample>
    void process(const Sample* const* inputs, Sample* const* outputs,
                 int frames) noexcept TIMBREL_NONBLOCKING {
        playback_.play<false>(inputs, outputs, frames, switches());
    }
    // [audio, not in real time] The same, but waits for blocks that are due and, offline, first for
    // the commands that were sent before.
    template <typename Sample>
    void process_blocking(const Sample* const* inputs, Sample* const* outputs, int frames) {
        if (offline())
            director_->wait_until_idle();
        playback_.play<true>(inputs, outputs, frames, switches());
    }
    // [audio] Whether a host should call process_blocking: offline, or with buffer 0.
    bool waits() const noexcept TIMBREL_NONBLOCKING { return offline() || playback_.blocking(); }

    // [any]
    void set_enabled(bool enabled) noexcept TIMBREL_NONBLOCKING {  // false: zeros, nothing is fed
        enabled_.store(enabled, std::memory_order_relaxed);
    }
    bool enabled() const noexcept TIMBREL_NONBLOCKING {
        return enabled_.load(std::memory_order_relaxed);
    }
    // The input at the latency of what is heard, which goes on being fed.
    void set_bypass(bool bypass) noexcept TIMBREL_NONBLOCKING {
        bypassed_.store(bypass, std::memory_order_relaxed);
    }
    bool bypassed() const noexcept TIMBREL_NONBLOCKING {
        return bypassed_.load(std::memory_order_relaxed);
    }
    void set_offline(bool offline) noexcept TIMBREL_NONBLOCKING {
        outbox_->offline.store(offline, std::memory_order_relaxed);
    }
    bool offline() const noexcept TIMBREL_NONBLOCKING {
        return outbox_->offline.load(std::memory_order_relaxed);
    }
    // Streaming state as in the file, buffers empty.
    void reset() noexcept TIMBREL_NONBLOCKING {
        reset_requested_.store(true, std::memory_order_relaxed);
    }

  private:
    Playback::Switches switches() noexcept TIMBREL_NONBLOCKING {
        return {enabled(), bypassed(), reset_requested_.exchange(false, std::memory_order_relaxed)};
    }
    const Director::News& news() const;  // with the lock
    void send(Command command);
    void change(std::function<void(Settings&)> apply);
    void tell(Instruction instruction);
    void complain(bool kept);

    const Options options_;
    const std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>();
    const std::shared_ptr<Director> director_;
    Playback playback_;

    std::atomic<bool> enabled_{true}, bypassed_{false}, reset_requested_{false};

    mutable std::mutex mutex_;  // of control threads among themselves; guards all of the below
    mutable Director::News news_;
    Layout layout_;
    bool overflown_ = false;  // and told
};

}  // namespace timbrel
