// The threads that open models and make them ready, below everything that makes sound.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace timbrel {

// Whatever has slow work now and then.
class Slow {
  public:
    virtual ~Slow() = default;
    // Does what there is to do. `job` is for naming what is being done, 0: nothing that could hang.
    // May be called again, by another thread, while one call hangs in a named job.
    virtual void work(std::atomic<uint64_t>& job) = 0;
    // That job will not be waited for any longer.
    virtual void give_up(uint64_t job) = 0;

  private:
    friend class Loader;
    std::atomic<bool> scheduled_{false};
};

class Loader {
  public:
    using Clock = std::chrono::steady_clock;

    Loader();
    ~Loader();  // stop(), however long it takes
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    // [any but audio] Has `work` called, after what was scheduled before. Never waits.
    void schedule(std::shared_ptr<Slow> slow);

    // [background] A file that never opens must not keep others from being opened: a thread that
    // has spent kCourtesy on one by `now` gets a substitute; after kPatience the job is given up,
    // too.
    void replace_hung(Clock::time_point now);
    static constexpr std::chrono::seconds kCourtesy{1};
    // Long: a large model on a graphics processor may take a minute the first time.
    static constexpr std::chrono::seconds kPatience{120};

    // [control] Asks the threads to end, and waits for them until each has either ended or spent
    // this long on its job. True if all ended.
    bool stop(Clock::duration patience);

  private:
    struct State;
    struct Thread;
    static void start_thread(const std::shared_ptr<State>& state);
    static void run(const std::shared_ptr<State>& state, const std::shared_ptr<Thread>& thread);

    // Held by every thread as well: one that was given up may outlive the loader.
    const std::shared_ptr<State> state_;
};

}  // namespace timbrel
