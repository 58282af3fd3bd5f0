// The channels of a model without loading it: an object that is made in a patch needs them at once,
// and loading takes up to a second.
#pragma once

#include <optional>
#include <string>

#include "model.h"

namespace timbrel {

// What the file at `path` can play, from its timbrel.json, or, for files of others, from what was
// remembered when they were last loaded. Reads a few kilobytes and never calls torch. Nothing where
// that does not tell; never throws. A file that is damaged elsewhere, or says what is not so, is
// found out when it is loaded.
std::optional<Description> outline(const std::string& path);

// Remembers a file that was loaded, for the next time, in a small file in the user's cache folder
// (timbrel/models.json). What is wrong with that file is ignored, and so is a folder that cannot be
// written to.
void remember_outline(const std::string& path, const Description& description);

}  // namespace timbrel
