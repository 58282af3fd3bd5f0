// A mailbox for one line, from a worker to the host, that neither side waits for.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string>

#include "timbrel/engine.h"

namespace timbrel {

// Copies a line into a caller's buffer, cut to its size and always terminated.
inline void copy_line(const char* line, char* buffer, size_t size) noexcept TIMBREL_NONBLOCKING {
    if (!buffer || size == 0)
        return;
    const size_t length = std::min(std::strlen(line), size - 1);
    std::memcpy(buffer, line, length);
    buffer[length] = '\0';
}

class ErrorLine {
  public:
    // By workers and control threads. A line that repeats is given once: a model that fails at
    // every block must not flood the host's console.
    void give(const std::string& line) {
        const std::lock_guard lock(givers_);
        if (line == last_ || full_.load(std::memory_order_acquire))
            return;
        last_ = line;
        copy_line(line.c_str(), text_, sizeof(text_));
        full_.store(true, std::memory_order_release);
    }

    // By the host. Bounded and wait-free.
    bool take(char* buffer, size_t size) noexcept TIMBREL_NONBLOCKING {
        if (!full_.load(std::memory_order_acquire))
            return false;
        copy_line(text_, buffer, size);
        full_.store(false, std::memory_order_release);
        return true;
    }

  private:
    std::mutex givers_;
    std::string last_;
    char text_[512] = {};
    std::atomic<bool> full_{false};
};

}  // namespace timbrel
