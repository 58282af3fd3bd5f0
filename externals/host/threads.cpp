#include "threads.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace timbrel::host {
namespace {

// A thread begins with the rank of the one that made it, which may be the audio thread.
void take_ordinary_rank() {
#if !defined(_WIN32)
    const sched_param parameters{};
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &parameters);
#endif
}

constexpr std::chrono::milliseconds kPatience{1000};

}  // namespace

struct Threads::State {
    struct Thread {
        std::thread thread;
        bool done = false;  // nothing is left but to return
    };

    void join_done() {
        std::vector<std::shared_ptr<Thread>> found;
        {
            const std::lock_guard lock(mutex);
            const auto first_done = std::partition(threads.begin(), threads.end(),
                                                   [](const auto& each) { return !each->done; });
            found.assign(first_done, threads.end());
            threads.erase(first_done, threads.end());
        }
        for (const auto& each : found)
            each->thread.join();
    }

    std::mutex mutex;  // guards what follows
    std::condition_variable changed;
    std::vector<std::shared_ptr<Thread>> threads;
};

Threads::Threads() : state_(std::make_shared<State>()) {}

Threads::~Threads() {
    end(kPatience);
}

Threads& Threads::of_library() {
    static Threads threads;
    // What belongs to the thread that calls exit() is destroyed before all static objects; among
    // those are some that a thread of ours may use and that were made after the above.
    struct Guard {
        ~Guard() { threads.end(kPatience); }
    };
    thread_local const Guard guard;
    return threads;
}

void Threads::begin(std::function<void()> work) {
    auto made = std::make_shared<State::Thread>();
    const std::lock_guard lock(state_->mutex);
    made->thread = std::thread([state = state_, made, work = std::move(work)]() mutable {
        take_ordinary_rank();
        state->join_done();
        std::exchange(work, nullptr)();
        const std::lock_guard lock(state->mutex);
        made->done = true;
        state->changed.notify_all();
    });
    state_->threads.push_back(std::move(made));
}

bool Threads::end(std::chrono::milliseconds patience) {
    std::vector<std::shared_ptr<State::Thread>> hanging;
    {
        std::unique_lock lock(state_->mutex);
        state_->changed.wait_for(lock, patience, [&] {
            return std::ranges::all_of(state_->threads,
                                       [](const auto& each) { return each->done; });
        });
        for (const auto& each : state_->threads) {
            if (!each->done)
                hanging.push_back(each);
        }
        std::erase_if(state_->threads, [](const auto& each) { return !each->done; });
    }
    for (const auto& each : hanging)
        each->thread.detach();
    state_->join_done();
    return hanging.empty();
}

size_t Threads::count() const {
    const std::lock_guard lock(state_->mutex);
    return state_->threads.size();
}

}  // namespace timbrel::host
