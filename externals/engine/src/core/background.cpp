#include "background.h"

#include <utility>

#include "thread_setup.h"

namespace timbrel {

Tasks::~Tasks() {
    for (Task* task = last_.load(); task && task != closed();)
        delete std::exchange(task, task->before);
}

Tasks::Task* Tasks::closed() {
    static Task task{};
    return &task;
}

bool Tasks::post(std::function<void()> function) {
    Task* task = new Task{std::move(function), last_.load(std::memory_order_relaxed)};
    do {
        if (task->before == closed()) {
            delete task;
            return false;
        }
        // release: whoever takes the task sees what it speaks of.
    } while (!last_.compare_exchange_weak(task->before, task, std::memory_order_release,
                                          std::memory_order_relaxed));
    changed.notify_all();
    return true;
}

bool Tasks::any() const {
    return last_.load(std::memory_order_relaxed) != nullptr;
}

void Tasks::run() {
    run(last_.exchange(nullptr, std::memory_order_acquire));
}

void Tasks::close() {
    run(last_.exchange(closed(), std::memory_order_acquire));
}

void Tasks::run(Task* last) {
    Task* first = nullptr;  // the other way round
    while (last)
        first = std::exchange(last, std::exchange(last->before, first));
    while (first) {
        first->function();
        delete std::exchange(first, first->before);  // and what it holds, here
    }
}

Background::Background(std::function<void()> chore)
    : chore_(std::move(chore)), thread_([this] { run(); }) {}

Background::~Background() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    tasks_->changed.notify_all();
    if (thread_.joinable())
        thread_.join();
    if (!halted_)
        tasks_->close();
}

void Background::post(std::function<void()> task) {
    tasks_->post(std::move(task));
}

void Background::dispose(std::shared_ptr<void> object) {
    if (!object)
        return;
    post([held = std::move(object)]() mutable { held.reset(); });
}

void Background::drain() {
    const auto done = std::make_shared<bool>(false);
    std::unique_lock lock(mutex_);
    tasks_->post([this, done] {
        const std::lock_guard lock(mutex_);
        *done = true;
        tasks_->changed.notify_all();
    });
    tasks_->changed.wait(lock, [&] { return *done; });
}

void Background::halt(std::chrono::steady_clock::duration patience) {
    std::unique_lock lock(mutex_);
    halted_ = true;
    tasks_->changed.notify_all();
    const bool idle = tasks_->changed.wait_for(lock, patience, [this] { return !running_; });
    lock.unlock();
    // It has nothing left to do but to return; unless this is that thread, which ends the process.
    if (idle && thread_.joinable() && thread_.get_id() != std::this_thread::get_id())
        thread_.join();
}

void Background::run() {
    set_up_background_thread();
    std::unique_lock lock(mutex_);
    while (!stopping_ || tasks_->any()) {
        tasks_->changed.wait_for(lock, std::chrono::seconds(1),
                                 [this] { return stopping_ || halted_ || tasks_->any(); });
        if (halted_)
            return;
        running_ = true;
        lock.unlock();
        tasks_->run();
        if (chore_)
            chore_();
        lock.lock();
        running_ = false;
        tasks_->changed.notify_all();
    }
}

}  // namespace timbrel
