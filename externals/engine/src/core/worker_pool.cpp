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
    std::shared_ptr<Voice> voice;  // the one whose block it runs
    Job job;
    Clock::time_point since;
    bool substituted = false;  // another has its place; it ends after this block
    bool given_up = false;     // and nobody waits for that any more
};

struct WorkerPool::State {
    struct Entry {
        std::shared_ptr<Voice> voice;
        bool busy = false;  // one block in flight per voice: its model has one state
    };

    Entry* find(const Voice* voice) {
        const auto it = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
            return entry.voice.get() == voice;
        });
        return it == entries.end() ? nullptr : &*it;
    }

    WakeUp wake_up;
    std::mutex mutex;  // of workers and control threads; guards all of the below
    std::condition_variable ended;
    std::vector<Entry> entries;
    std::vector<std::shared_ptr<Worker>> workers;  // without those given up
    bool stopping = false;
};

int WorkerPool::default_size() {
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
}

WorkerPool::WorkerPool(int size)
    : size_(size), state_(std::make_shared<State>()), loader_(std::make_unique<Loader>()) {
    background_ = std::make_unique<Background>([this] { replace_hung(Clock::now()); });
    const std::lock_guard lock(state_->mutex);
    for (int i = 0; i < size; ++i)
        start_worker(state_);
}

WorkerPool::~WorkerPool() {
    stop(Clock::duration::max());
    background_.reset();
}

void WorkerPool::wake_one() noexcept TIMBREL_NONBLOCKING {
    state_->wake_up.signal();
}

void WorkerPool::add(std::shared_ptr<Voice> voice) {
    {
        const std::lock_guard lock(state_->mutex);
        state_->entries.push_back({std::move(voice)});
    }
    wake_one();  // it may have been told something already
}

void WorkerPool::remove(const std::shared_ptr<Voice>& voice) {
    const std::lock_guard lock(state_->mutex);
    std::erase_if(state_->entries, [&](const State::Entry& entry) { return entry.voice == voice; });
}

double WorkerPool::load() const {
    std::vector<std::shared_ptr<Voice>> voices;
    {
        const std::lock_guard lock(state_->mutex);
        for (const State::Entry& entry : state_->entries)
            voices.push_back(entry.voice);
    }
    double load = 0;
    for (const auto& voice : voices)
        load += voice->load();
    return load;
}

bool WorkerPool::stop(Clock::duration patience) {
    const bool loader_ended = loader_->stop(patience);  // it may wait for workers, but never they
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    for (size_t i = 0; i < state_->workers.size(); ++i)
        state_->wake_up.signal();
    const auto all_ended = [this] { return state_->workers.empty(); };
    if (patience == Clock::duration::max()) {
        state_->ended.wait(lock, all_ended);
        return loader_ended;
    }
    // What a block has taken so far counts: one that hangs does not keep the host twice.
    const auto begun = Clock::now();
    state_->ended.wait_for(lock, patience, [&] {
        return std::ranges::all_of(state_->workers, [&](const auto& worker) {
            return worker->voice && begun - worker->since >= patience;
        });
    });
    return all_ended() && loader_ended;
}

void WorkerPool::replace_hung(Clock::time_point now) {
    loader_->replace_hung(now);
    const std::lock_guard lock(state_->mutex);
    for (auto& worker : std::vector(state_->workers)) {
        if (!worker->voice || now - worker->since < kCourtesy)
            continue;
        if (!worker->substituted && !state_->stopping) {
            worker->substituted = true;
            worker->voice->stall();
            start_worker(state_);
        }
        if (now - worker->since < kPatience)
            continue;
        worker->given_up = true;
        worker->voice->abandon(worker->job);
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
            worker->voice->run(worker->job);
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
        Voice::Waiting waiting;
        for (State::Entry& entry : state.entries) {
            if (entry.busy)
                continue;
            const auto candidate = entry.voice->waiting();
            if (!candidate || (first && !candidate->before(waiting)))
                continue;
            first = &entry;
            waiting = *candidate;
        }
        if (!first)
            return false;
        auto job = first->voice->take(waiting);
        if (!job)
            continue;
        first->busy = true;
        worker.voice = first->voice;
        worker.job = std::move(*job);
        worker.since = Clock::now();
        return true;
    }
}

void WorkerPool::finish(State& state, Worker& worker) {
    std::shared_ptr<Voice> voice;  // let go of after the lock
    const std::lock_guard lock(state.mutex);
    if (worker.substituted || worker.given_up) {
        worker.voice->recover();
        state.wake_up.signal();  // the voice's next blocks are for its substitute
    }
    worker.job = {};
    worker.voice.swap(voice);
    if (State::Entry* entry = state.find(voice.get()))
        entry->busy = false;
}

}  // namespace timbrel
