#include "error_text.h"

#include <torch/csrc/jit/runtime/jit_exception.h>

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

// Bytes of the character of UTF-8 that `text` begins with; 0 where it begins with none
// (RFC 3629, section 4).
size_t character_length(std::string_view text) {
    const auto byte = [&](size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const unsigned first = byte(0);
    const size_t length = first < 0x80                    ? 1
                          : first >= 0xc2 && first < 0xe0 ? 2
                          : first >= 0xe0 && first < 0xf0 ? 3
                          : first >= 0xf0 && first < 0xf5 ? 4
                                                          : 0;
    for (size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
    }
    const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
    const bool beyond = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
    return overlong || beyond ? 0 : length;
}

}  // namespace

std::string printable(const std::string& text) {
    std::string result;
    for (size_t at = 0; at < text.size();) {
        const size_t length = character_length(std::string_view(text).substr(at));
        const bool c1 = length == 2 && text[at] == '\xc2' && (text[at + 1] & 0x60) == 0;
        if (length == 0 || c1)
            result += '?';
        else if (length == 1 && (static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7f))
            result += ' ';
        else
            result.append(text, at, length);
        at += std::max<size_t>(length, 1);
    }
    return result;
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
    line.erase(std::min(line.find_last_not_of(": ") + 1, line.size()));  // nothing follows
    return line.empty() ? "an error without a message" : cut(printable(line));
}

std::string own_sentence(const std::exception& error) {
    const auto* raised = dynamic_cast<const torch::jit::JITException*>(&error);
    std::string sentence = raised ? raised->getOriginalMsg().value_or("") : "";
    constexpr std::string_view assertion = "AssertionError: ";  // is part of what assert says
    if (sentence.starts_with(assertion))
        sentence.erase(0, assertion.size());
    const size_t first = sentence.find_first_not_of(" \t\n");
    return first == std::string::npos ? "" : cut(printable(sentence.substr(first)));
}

}  // namespace timbrel
