// What stands behind the name in an object's box.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "values.h"

namespace timbrel::host {

// In or out, of one box.
constexpr int kMostChannels = 1024;

// Which numbers a box takes:
//   channels   model method buffer inlets outlets     void inlets outlets buffer
//   examples   model method examples buffer           void examples buffer
enum class Form { channels, examples };

struct Arguments {
    std::string model;  // empty: void
    std::string method = "forward";
    int buffer = TIMBREL_BUFFER_DEFAULT;
    std::optional<int> inlets, outlets;   // as many as the method has channels, of void one
    int examples = 1;                     // where the form has them
    std::vector<std::string> complaints;  // what was not understood, a line each
};

Arguments parse_arguments(const std::string& object, Form form, const Values& values);

}  // namespace timbrel::host
