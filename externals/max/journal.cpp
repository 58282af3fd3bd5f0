#include "journal.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace timbrel::max {
namespace {

// Messages of one kind replace each other. "" where a message leaves nothing behind.
std::string kind_of(const std::string& selector, const host::Values& values) {
    const auto value = [&](size_t i) {
        std::string text(1, ' ');
        return i < values.size() ? text.append(host::text_of(values[i])) : "";
    };
    if (selector == "bufsize")
        return "buffer";
    if (selector == "gpu")
        return "device";
    if (selector == "set")
        return "set" + value(0);
    if (selector == "latent")
        return value(0) == " get" ? "" : "latent" + value(0) + value(1);
    constexpr std::array<std::string_view, 11> kLasting{"load",      "method",   "buffer", "slack",
                                                        "device",    "seed",     "enable", "bypass",
                                                        "precision", "resample", "latents"};
    return std::find(kLasting.begin(), kLasting.end(), selector) != kLasting.end() ? selector : "";
}

// Method, buffer and place are kept for the next model, where they apply.
bool belongs_to_model(const std::string& kind) {
    return kind == "seed" || kind.starts_with("set ") || kind.starts_with("latent");
}

}  // namespace

void Journal::note(const std::string& selector, const host::Values& values) {
    const std::string kind = kind_of(selector, values);
    if (kind.empty())
        return;
    std::erase_if(entries_, [&](const Entry& each) {
        return each.kind == kind || (kind == "load" && belongs_to_model(each.kind)) ||
               (kind == "latents" && each.kind.starts_with("latent set"));
    });
    entries_.push_back({kind, selector, values});
}

std::vector<Journal::Entry> Journal::to_begin_anew() const {
    const auto rank = [](const Entry& entry) {
        if (entry.kind == "load")
            return 1;
        return belongs_to_model(entry.kind) ? 2 : 0;
    };
    std::vector<Entry> entries;
    entries.reserve(entries_.size());
    for (int each = 0; each <= 2; ++each)
        std::copy_if(entries_.begin(), entries_.end(), std::back_inserter(entries),
                     [&](const Entry& entry) { return rank(entry) == each; });
    return entries;
}

const host::Values* Journal::setting(const std::string& attribute) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& each) {
        return each.kind == "set " + attribute;
    });
    return found == entries_.end() ? nullptr : &found->values;
}

}  // namespace timbrel::max
