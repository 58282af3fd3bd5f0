// One low-priority thread for everything that takes time and that nobody waits for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace timbrel {

class Background {
  public:
    // `chore` runs about once a second, and once more before the thread ends.
    explicit Background(std::function<void()> chore = {});
    ~Background();  // finishes what was posted
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    void post(std::function<void()> task);

    // Destroys the object there, if this was the last to hold it: freeing a network takes long.
    void dispose(std::shared_ptr<void> object);

    // Waits until everything posted so far is done.
    void drain();

    // For the end of the process: begins nothing any more and waits for what runs, at most this
    // long. What was posted is neither done nor destroyed.
    void halt(std::chrono::steady_clock::duration patience);

  private:
    void run();

    std::function<void()> chore_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    bool stopping_ = false;
    bool running_ = false;
    bool halted_ = false;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace timbrel
