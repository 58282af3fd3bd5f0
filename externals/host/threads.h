// Threads that nobody waits for while a patch plays.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace timbrel::host {

// A thread that is done is joined by the next one that begins, and at the end of the program at the
// latest: a detached one could still be dying then, while all that it touches is destroyed.
class Threads {
  public:
    Threads();
    // At the end of the program. As end(), with the patience of someone who quits a host.
    ~Threads();
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

    // Those of the library that this is linked into. They end with the thread that calls this,
    // which is the host's main thread.
    static Threads& of_library();

    // [any thread] Runs `work`, which does not throw, on a thread of its own with an ordinary rank,
    // and destroys it there. Joins nothing on the calling thread. Throws std::system_error where no
    // thread can be made.
    void begin(std::function<void()> work);

    // Joins all threads; false where some were not done within `patience`, which are abandoned.
    bool end(std::chrono::milliseconds patience);

    // Begun and not joined.
    size_t count() const;

  private:
    struct State;
    const std::shared_ptr<State> state_;  // outlives this as long as an abandoned thread runs
};

}  // namespace timbrel::host
