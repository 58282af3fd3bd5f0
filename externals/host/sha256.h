// SHA-256 (FIPS 180-4) of a file: tells whether what came over the network is what was published.
#pragma once

#include <filesystem>
#include <string>

namespace timbrel::host {

// 64 hexadecimal digits in lower case; empty where the file cannot be read.
std::string sha256_of(const std::filesystem::path& file);

}  // namespace timbrel::host
