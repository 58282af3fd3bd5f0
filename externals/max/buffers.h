// The buffer~ objects that a model's attributes play.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "host/values.h"
#include "max_api.h"

namespace timbrel::max {

// What an object refers to by the name of a buffer~. Kept as long as the object is, because Max
// tells by such a reference when the content changes.
class Buffers {
  public:
    explicit Buffers(t_object* owner) : owner_(owner) {}
    ~Buffers();
    Buffers(const Buffers&) = delete;
    Buffers& operator=(const Buffers&) = delete;

    // [main thread] Adds `name` with the content of that buffer~, and has `user` told when it
    // changes; false, and nothing added, where there is none, or an empty one.
    bool add_content(const std::string& user, const std::string& name, host::EngineAtoms& atoms);
    // [any thread] Max's notification; true where the content of one of these buffers changed.
    bool notify(t_symbol* name, t_symbol* message, void* sender, void* data);
    // [main thread] Users of what changed since the last call.
    std::vector<std::string> take_changed();

  private:
    struct Reference {
        std::string user;
        t_buffer_ref* buffer = nullptr;
        std::atomic<bool> changed{false};
        Reference* next = nullptr;
    };
    Reference& reference(const std::string& user, t_symbol* name);

    t_object* const owner_;
    // Only ever prolonged, by the main thread, so that others may walk it: a notification can come
    // while a reference is being made.
    std::atomic<Reference*> first_{nullptr};
};

}  // namespace timbrel::max
