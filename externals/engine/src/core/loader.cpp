#include "loader.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "queue.h"
#include "thread_setup.h"
#include "wake_up.h"

namespace timbrel {

struct Loader::Thread {
    std::shared_ptr<Slow> slow;  // what it works for
    std::atomic<uint64_t> job{0};
    Clock::time_point since;
    bool substituted = false;  // another has its place; it ends after this
    bool given_up = false;     // and nobody waits for that any more
};

struct Loader::State {
    WakeUp wake_up;
    Queue<std::shared_ptr<Slow>> scheduled{SIZE_MAX};
    std::mutex mutex;  // of the threads among themselves; guards all of the below and the popping
    std::condition_variable ended;
    std::vector<std::shared_ptr<Thread>> threads;  // without those given up
    bool stopping = false;
};

Loader::Loader() : state_(std::make_shared<State>()) {
    const std::lock_guard lock(state_->mutex);
    start_thread(state_);
}

Loader::~Loader() {
    stop(Clock::duration::max());
}

void Loader::schedule(std::shared_ptr<Slow> slow) {
    // acq_rel: who runs it sees what it is scheduled for; in its turn, or in one that begins later.
    if (slow->scheduled_.exchange(true, std::memory_order_acq_rel))
        return;
    state_->scheduled.push(std::move(slow));
    state_->wake_up.signal();
}

void Loader::replace_hung(Clock::time_point now) {
    std::vector<std::pair<std::shared_ptr<Slow>, uint64_t>> given_up;
    {
        const std::lock_guard lock(state_->mutex);
        for (auto& thread : std::vector(state_->threads)) {
            if (!thread->slow || now - thread->since < kCourtesy)
                continue;
            if (!thread->substituted && !state_->stopping) {
                thread->substituted = true;
                start_thread(state_);
            }
            const uint64_t job = thread->job.load();
            if (now - thread->since < kPatience || !job)
                continue;
            thread->given_up = true;
            given_up.emplace_back(thread->slow, job);
            std::erase(state_->threads, thread);
        }
        state_->ended.notify_all();
    }
    for (const auto& [slow, job] : given_up)
        slow->give_up(job);
}

bool Loader::stop(Clock::duration patience) {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    for (size_t i = 0; i < state_->threads.size(); ++i)
        state_->wake_up.signal();
    const auto all_ended = [this] { return state_->threads.empty(); };
    if (patience == Clock::duration::max()) {
        state_->ended.wait(lock, all_ended);
        return true;
    }
    const auto begun = Clock::now();
    state_->ended.wait_for(lock, patience, [&] {
        return std::ranges::all_of(state_->threads, [&](const auto& thread) {
            return thread->slow && begun - thread->since >= patience;
        });
    });
    return all_ended();
}

void Loader::start_thread(const std::shared_ptr<State>& state) {
    auto thread = std::make_shared<Thread>();
    state->threads.push_back(thread);
    // Detached, because joining one that hangs would hang the host; stop() counts them instead.
    std::thread([state, thread] { run(state, thread); }).detach();
}

void Loader::run(const std::shared_ptr<State>& state, const std::shared_ptr<Thread>& thread) {
    set_up_background_thread();
    std::unique_lock lock(state->mutex);
    while (!state->stopping && !thread->substituted && !thread->given_up) {
        auto slow = state->scheduled.pop();
        if (!slow) {
            lock.unlock();
            state->wake_up.wait();
            lock.lock();
            continue;
        }
        thread->slow = *slow;
        thread->since = Clock::now();
        lock.unlock();
        (*slow)->scheduled_.store(false, std::memory_order_release);
        (*slow)->work(thread->job);
        lock.lock();
        thread->slow.reset();
        slow->reset();  // perhaps the last reference, to what needs neither this lock nor long
    }
    state->wake_up.signal();  // what it was woken for, perhaps, is for its substitute
    std::erase(state->threads, thread);
    state->ended.notify_all();
}

}  // namespace timbrel
