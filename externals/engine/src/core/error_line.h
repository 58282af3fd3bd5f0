// Lines for a person, in a caller's memory.
#pragma once

#include <algorithm>
#include <cstring>

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

}  // namespace timbrel
