// One low-priority thread for everything that takes time and that nobody waits for.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace timbrel {

// Tasks from any threads. Whoever posts neither waits for a thread nor holds one up.
class Tasks {
  public:
    ~Tasks();
    Tasks() = default;
    Tasks(const Tasks&) = delete;
    Tasks& operator=(const Tasks&) = delete;

    // False once they are closed: nobody would do it.
    bool post(std::function<void()> task);
    // Of whoever runs them. Posting notifies without a lock, which may be a moment too early to be
    // heard.
    std::condition_variable changed;
    bool any() const;
    // Does all that were posted so far, in their order. By one thread at a time.
    void run();
    // Does what is left; from now on nothing is taken any more.
    void close();

  private:
    struct Task {
        std::function<void()> function;
        Task* before;
    };
    static Task* closed();
    static void run(Task* last);

    std::atomic<Task*> last_{nullptr};
};

class Background {
  public:
    // `chore` runs about once a second, and once more before the thread ends.
    explicit Background(std::function<void()> chore = {});
    ~Background();  // finishes what was posted
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    // [control] Never waits.
    void post(std::function<void()> task);

    // [control] Destroys the object there, if this was the last to hold it: freeing a network takes
    // long.
    void dispose(std::shared_ptr<void> object);

    // What is destroyed there, whoever lets go of it last; at once when there is no background any
    // more.
    template <typename T>
    std::shared_ptr<T> keep(std::unique_ptr<T> object) {
        return {object.release(), [tasks = tasks_](T* object) {
                    if (!tasks->post([object] { delete object; }))
                        delete object;
                }};
    }

    // Waits until everything posted so far is done.
    void drain();

    // For the end of the process: begins nothing any more and waits for what runs, at most this
    // long. What was posted is neither done nor destroyed.
    void halt(std::chrono::steady_clock::duration patience);

  private:
    void run();

    std::function<void()> chore_;
    const std::shared_ptr<Tasks> tasks_ = std::make_shared<Tasks>();
    std::mutex mutex_;  // never taken by whoever posts
    bool stopping_ = false;
    bool running_ = false;
    bool halted_ = false;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace timbrel
