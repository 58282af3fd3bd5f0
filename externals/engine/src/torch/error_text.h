// What torch and the code of models say when they fail, in one line for a person.
#pragma once

#include <exception>
#include <string>

namespace timbrel {

// Never empty, without line breaks, at most 300 bytes.
std::string one_line(const std::exception& error);

// What the model itself has to say, by `raise` with a sentence, likewise in one line; empty where
// it failed in any other way.
std::string own_sentence(const std::exception& error);

// Text from a model (a name, a label) as a console can show it: characters of UTF-8 and nothing
// else, with spaces for line breaks and the like.
std::string printable(const std::string& text);

}  // namespace timbrel
