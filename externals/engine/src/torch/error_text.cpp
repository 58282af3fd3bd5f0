#include "error_text.h"

#include <algorithm>
#include <new>
#include <string_view>
#include <vector>

namespace timbrel {
namespace {

constexpr size_t kLongest = 300;

std::string cut(std::string text) {
    if (text.size() <= kLongest)
        return text;
    size_t end = kLongest - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;  // not within a character of UTF-8
    return text.substr(0, end) + "...";
}

}  // namespace

std::string printable(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = ' ';
    }
    return text;
}

// Torch's messages run over pages and end in a C++ backtrace. What says something is the first
// line, or, where the model's own code failed, the last: the listing of that code comes before it.
std::string one_line(const std::exception& error) {
    if (dynamic_cast<const std::bad_alloc*>(&error))
        return "not enough memory";
    const std::string message = error.what();
    std::vector<std::string> lines;
    for (size_t at = 0; at < message.size();) {
        const size_t end = std::min(message.find('\n', at), message.size());
        std::string line = message.substr(at, end - at);
        at = end + 1;
        line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.starts_with("Exception raised from"))
            break;
        if (!line.empty())
            lines.push_back(line);
    }
    if (lines.empty())
        return "an error without a message";
    const bool in_model = lines.front().starts_with("The following operation failed");
    std::string line = in_model ? lines.back() : lines.front();
    for (const std::string_view prefix : {"builtins.", "RuntimeError: ", "torch.jit.Error: "}) {
        if (line.starts_with(prefix))
            line.erase(0, prefix.size());
    }
    return line.empty() ? "an error without a message" : cut(printable(line));
}

}  // namespace timbrel
