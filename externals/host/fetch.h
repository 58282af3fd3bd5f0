// Brings a file from the network, with the program curl, which comes with macOS, Windows 10 and
// later and nearly every Linux: an external that brought TLS of its own would have to be kept safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace timbrel::host {

// Waits until all of it is there. `url` begins with https, http or file. Throws std::runtime_error
// with a line that says what went wrong; what is left in `to` then means nothing.
void fetch(const std::string& url, const std::filesystem::path& to, int64_t most_bytes);

}  // namespace timbrel::host
