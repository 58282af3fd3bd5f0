#include "background.h"

#include <chrono>

#include "thread_setup.h"

namespace timbrel {

Background::Background(std::function<void()> chore)
    : chore_(std::move(chore)), thread_([this] { run(); }) {}

Background::~Background() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Background::post(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    changed_.notify_all();
}

void Background::dispose(std::shared_ptr<void> object) {
    if (!object)
        return;
    post([held = std::move(object)]() mutable { held.reset(); });
}

void Background::drain() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tasks_.empty() && !running_; });
}

void Background::halt(std::chrono::steady_clock::duration patience) {
    std::unique_lock lock(mutex_);
    halted_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, patience, [this] { return !running_; });
}

void Background::run() {
    set_up_background_thread();
    std::unique_lock lock(mutex_);
    while (!stopping_ || !tasks_.empty()) {
        changed_.wait_for(lock, std::chrono::seconds(1),
                          [this] { return stopping_ || halted_ || !tasks_.empty(); });
        if (halted_)
            return;
        running_ = true;
        std::deque<std::function<void()>> tasks;
        tasks.swap(tasks_);
        lock.unlock();
        for (auto& task : tasks) {
            task();
            task = nullptr;  // and what it holds, here
        }
        if (chore_)
            chore_();
        lock.lock();
        running_ = false;
        changed_.notify_all();
    }
}

}  // namespace timbrel
