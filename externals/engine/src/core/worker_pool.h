// The threads that compute blocks, earliest deadline first.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "background.h"
#include "stream.h"

namespace timbrel {

class WorkerPool {
  public:
    using Clock = std::chrono::steady_clock;

    // One core is left to the host.
    static int default_size();

    explicit WorkerPool(int size);
    ~WorkerPool();  // stop(), however long it takes
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // [control]
    void add(std::shared_ptr<Stream> stream);
    // [control] No block of the stream is begun after this. Returns at once; the stream is
    // destroyed by the background thread, once the worker that may still run it has let go of it.
    void remove(std::shared_ptr<Stream> stream);

    // [audio] After a block was submitted.
    void wake_one() noexcept TIMBREL_NONBLOCKING;

    // [control] One broken model must not silence the rest: a worker that has spent kCourtesy on
    // its block by `now` gets a substitute, who serves the other streams; after kPatience its block
    // is given up as well. Called once a second by the background thread.
    void replace_hung(Clock::time_point now);
    static constexpr std::chrono::seconds kCourtesy{1};
    // Long, because rendering with large blocks may take as long and is still worth waiting for.
    static constexpr std::chrono::seconds kPatience{30};

    // [control] Asks the workers to end and waits for them until each has either ended or spent
    // this long on its block. True if all ended.
    bool stop(Clock::duration patience);

    Background& background();

  private:
    struct State;
    struct Worker;
    static void work(const std::shared_ptr<State>& state, const std::shared_ptr<Worker>& worker);
    static void start_worker(const std::shared_ptr<State>& state);
    static bool take(State& state, Worker& worker);
    static void finish(State& state, Worker& worker);

    // Held by every worker as well: one that was given up may outlive the pool.
    std::shared_ptr<State> state_;
    std::unique_ptr<Background> background_;
};

}  // namespace timbrel
