// Finds and opens libtimbrel_engine, which lies in the same package as the external.
#pragma once

#include <filesystem>
#include <string>

#include "timbrel/engine.h"

namespace timbrel::host {

// The file that this code was loaded from: the external.
std::filesystem::path own_file();

// The library in `folder`, whose libtorch lies in `folder`/lib. Null with a line in `error`, which
// ends with what to do in `host` ("Max", say). Trying again is no use: what could not be loaded
// will not be until the host is started anew.
const timbrel_api* open_engine(const std::filesystem::path& folder, const char* host,
                               std::string& error);

}  // namespace timbrel::host
