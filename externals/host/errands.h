// What takes long and is no business of a host's own thread: each on a thread of its own.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace timbrel::host {

// A message for a patch, or with the selector "error" one line for a person.
struct Tidings {
    std::string selector;
    std::vector<std::string> words;
};

// Called on one thread, the host's. Errands outlive it: what they have to say is dropped then.
class Errands {
  public:
    // `errand` returns what came of it; what it throws becomes an "error".
    void run(std::function<Tidings()> errand);
    // None where there is nothing to say yet. Never waits.
    std::optional<Tidings> take();

  private:
    struct Box {
        std::mutex mutex;
        std::deque<Tidings> tidings;
    };
    std::shared_ptr<Box> box_ = std::make_shared<Box>();
};

}  // namespace timbrel::host
