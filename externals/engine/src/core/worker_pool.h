// The threads that compute blocks, earliest deadline first.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "background.h"
#include "loader.h"
#include "voice.h"

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

    // [loader, background]
    void add(std::shared_ptr<Voice> voice);
    // [loader, background] No block of the voice is begun after this. Returns at once: the worker
    // that may still run it holds it for as long.
    void remove(const std::shared_ptr<Voice>& voice);
    // [loader] The part of their time that the workers spend on what was added: 1 for each that is
    // never idle.
    double load() const;
    int size() const { return size_; }

    // [audio, control] After a block was submitted, or a voice was told something.
    void wake_one() noexcept TIMBREL_NONBLOCKING;

    // [background] One broken model must not silence the rest: a worker that has spent kCourtesy on
    // its block by `now` gets a substitute, who serves the other voices; after kPatience its block
    // is given up as well. The loader's threads likewise. Called once a second.
    void replace_hung(Clock::time_point now);
    static constexpr std::chrono::seconds kCourtesy{1};
    // Long, because rendering with large blocks may take as long and is still worth waiting for.
    static constexpr std::chrono::seconds kPatience{30};

    // [control] Asks loaders and workers to end and waits for them until each has either ended or
    // spent this long on its job. True if all ended.
    bool stop(Clock::duration patience);

    Background& background() { return *background_; }
    Loader& loader() { return *loader_; }

  private:
    struct State;
    struct Worker;
    static void work(const std::shared_ptr<State>& state, const std::shared_ptr<Worker>& worker);
    static void start_worker(const std::shared_ptr<State>& state);
    static bool take(State& state, Worker& worker);
    static void finish(State& state, Worker& worker);

    // Held by every worker as well: one that was given up may outlive the pool.
    const int size_;
    std::shared_ptr<State> state_;
    std::unique_ptr<Loader> loader_;
    std::unique_ptr<Background> background_;  // last: its chore uses the others
};

}  // namespace timbrel
