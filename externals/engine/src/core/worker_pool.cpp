#include "worker_pool.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "thread_setup.h"
#include "wake_up.h"

namespace timbrel {

struct WorkerPool::Worker {
    std::shared_ptr<Stream> stream;  // the one whose block it runs
    Job job;
    Clock::time_point since;
    bool substituted = false;  // another has its place; it ends after this block
    bool given_up = false;     // and nobody waits for that any more
};

struct WorkerPool::State {
    struct Entry {
        std::shared_ptr<Stream> stream;
        bool busy = false;  // one block in flight per stream: its model has one state
    };

    Entry* find(const Stream* stream) {
        const auto it = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
            return entry.stream.get() == stream;
        });
        return it == entries.end() ? nullptr : &*it;
    }

    WakeUp wake_up;
    std::mutex mutex;  // of workers and control threads; guards all of the below
    std::condition_variable ended;
    std::vector<Entry> entries;
    std::vector<std::shared_ptr<Worker>> workers;   // without those given up
    std::vector<std::shared_ptr<Stream>> released;  // by workers, for the background thread
    bool stopping = false;
};

int WorkerPool::default_size() {
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
}

WorkerPool::WorkerPool(int size) : state_(std::make_shared<State>()) {
    background_ = std::make_unique<Background>([this] { replace_hung(Clock::now()); });
    const std::lock_guard lock(state_->mutex);
    for (int i = 0; i < size; ++i)
        start_worker(state_);
}

WorkerPool::~WorkerPool() {
    stop(Clock::duration::max());
    background_.reset();
}

Background& WorkerPool::background() {
    return *background_;
}

void WorkerPool::wake_one() noexcept TIMBREL_NONBLOCKING {
    state_->wake_up.signal();
}

void WorkerPool::add(std::shared_ptr<Stream> stream) {
    const std::lock_guard lock(state_->mutex);
    state_->entries.push_back({std::move(stream)});
}

void WorkerPool::remove(std::shared_ptr<Stream> stream) {
    {
        const std::lock_guard lock(state_->mutex);
        std::erase_if(state_->entries,
                      [&](const State::Entry& entry) { return entry.stream == stream; });
    }
    background_->dispose(std::move(stream));
}

bool WorkerPool::stop(Clock::duration patience) {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    for (size_t i = 0; i < state_->workers.size(); ++i)
        state_->wake_up.signal();
    const auto all_ended = [this] { return state_->workers.empty(); };
    if (patience == Clock::duration::max()) {
        state_->ended.wait(lock, all_ended);
        return true;
    }
    // What a block has taken so far counts: one that hangs does not keep the host twice.
    const auto begun = Clock::now();
    state_->ended.wait_for(lock, patience, [&] {
        return std::ranges::all_of(state_->workers, [&](const auto& worker) {
            return worker->stream && begun - worker->since >= patience;
        });
    });
    return all_ended();
}

void WorkerPool::replace_hung(Clock::time_point now) {
    std::vector<std::shared_ptr<Stream>> released;
    const std::lock_guard lock(state_->mutex);
    released.swap(state_->released);  // freed here, by the background thread, after the lock
    for (auto& worker : std::vector(state_->workers)) {
        if (!worker->stream || now - worker->since < kCourtesy)
            continue;
        if (!worker->substituted && !state_->stopping) {
            worker->substituted = true;
            start_worker(state_);
        }
        if (now - worker->since < kPatience)
            continue;
        worker->given_up = true;
        worker->stream->abandon(worker->job);
        std::erase(state_->workers, worker);
    }
    state_->ended.notify_all();
}

void WorkerPool::start_worker(const std::shared_ptr<State>& state) {
    auto worker = std::make_shared<Worker>();
    state->workers.push_back(worker);
    // Detached, because joining one that hangs would hang the host; stop() counts them instead.
    std::thread([state, worker] { work(state, worker); }).detach();
}

void WorkerPool::work(const std::shared_ptr<State>& state, const std::shared_ptr<Worker>& worker) {
    set_up_worker_thread();
    for (;;) {
        state->wake_up.wait();
        while (take(*state, *worker)) {
            worker->stream->run(worker->job);
            finish(*state, *worker);
        }
        const std::lock_guard lock(state->mutex);
        if (worker->given_up)
            return;
        if (state->stopping || worker->substituted) {
            std::erase(state->workers, worker);
            state->ended.notify_all();
            return;
        }
    }
}

bool WorkerPool::take(State& state, Worker& worker) {
    const std::lock_guard lock(state.mutex);
    if (state.stopping || worker.substituted || worker.given_up)
        return false;
    for (;;) {
        State::Entry* first = nullptr;
        Stream::Waiting waiting;
        for (State::Entry& entry : state.entries) {
            if (entry.busy)
                continue;
            const auto candidate = entry.stream->waiting();
            if (!candidate || (first && !candidate->before(waiting)))
                continue;
            first = &entry;
            waiting = *candidate;
        }
        if (!first)
            return false;
        auto job = first->stream->take(waiting);
        if (!job)
            continue;
        first->busy = true;
        worker.stream = first->stream;
        worker.job = std::move(*job);
        worker.since = Clock::now();
        return true;
    }
}

void WorkerPool::finish(State& state, Worker& worker) {
    const std::lock_guard lock(state.mutex);
    if (worker.given_up)
        worker.stream->recover();
    if (worker.substituted || worker.given_up)
        state.wake_up.signal();  // the stream's next blocks are for its substitute
    worker.job = {};
    if (State::Entry* entry = state.find(worker.stream.get())) {
        entry->busy = false;
        worker.stream.reset();
    } else {
        // Removed meanwhile: this may be the last reference, and a model is not freed by a worker.
        state.released.push_back(std::move(worker.stream));
        worker.stream.reset();
    }
}

}  // namespace timbrel
