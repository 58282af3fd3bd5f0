// What libtorch would trip over inside an archive that is whole: its pickles and its code.
#pragma once

#include "archive.h"

namespace timbrel {

// Throws ArchiveError with a line that begins with `name`.
void check_contents(const Archive& archive, const std::string& name);

}  // namespace timbrel
