#include "contents.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "pickle.h"

namespace timbrel {
namespace {

// torch's compiler calls itself for what is nested, until the stack of its thread is full. These
// are far from both: what the deepest model needs, and what a thread of ours (apart.h) has room
// for.
constexpr size_t kDeepest = 1000;
constexpr size_t kLongestChain = 10000;

// A chain is what nests without brackets, such as `not not x` or `a if b else c if d else e`: at
// most one level for each word and each sign. Within brackets a line's end ends nothing.
bool is_nested_too_deeply(std::string_view code) {
    size_t brackets = 0, indentation = 0, chain = 0, branches = 0;
    size_t at = 0;
    while (at < code.size()) {
        const size_t end = std::min(code.find('\n', at), code.size());
        std::string_view line = code.substr(at, end - at);
        at = end + 1;
        const size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
        line.remove_prefix(begin);
        // No expression goes on here, whatever the strings before have in them.
        if (line.starts_with("def ") || line.starts_with("class "))
            brackets = branches = 0;
        branches += line.starts_with("elif");
        if (brackets == 0) {
            indentation = begin;
            chain = 0;
        }
        char before = ' ';
        for (const char c : line) {
            if (c == '(' || c == '[' || c == '{')
                ++brackets;
            else if (c == ')' || c == ']' || c == '}')
                brackets -= std::min<size_t>(brackets, 1);
            else if (c == ',')
                chain = 0;
            else if (before == ' ' ||
                     std::string_view("+-*/%~<>=!.&|^@:").find(c) != std::string_view::npos)
                ++chain;
            before = c;
            if (brackets + indentation > kDeepest || chain + branches > kLongestChain)
                return true;
        }
    }
    return false;
}

// The entry's name inside the archive's top folder.
std::string inner_name(const ArchiveEntry& entry) {
    return entry.name.substr(entry.name.find('/') + 1);
}

}  // namespace

void check_contents(const Archive& archive, const std::string& name) {
    std::map<std::string, uint64_t> sizes;
    for (const ArchiveEntry& entry : archive.entries())
        sizes[inner_name(entry)] = entry.size;
    for (const ArchiveEntry& entry : archive.entries()) {
        const std::string inner = inner_name(entry);
        const auto fail = [&](const std::string& reason) {
            throw ArchiveError(name + ": damaged (" + inner + ": " + reason + ")");
        };
        if (inner.ends_with(".py") && is_nested_too_deeply(*archive.find(inner)))
            fail("its code is nested too deeply");
        if (!inner.ends_with(".pkl") && !inner.ends_with(".debug_pkl"))
            continue;
        // Those of data.pkl lie in data/.
        const std::string folder = inner.substr(0, inner.rfind('.')) + "/";
        const auto storage_size = [&](const std::string& key) -> std::optional<uint64_t> {
            const auto storage = sizes.find(folder + key);
            return storage == sizes.end() ? std::nullopt : std::optional(storage->second);
        };
        try {
            verify_pickle(*archive.find(inner), storage_size);
        } catch (const PickleError& error) {
            fail(error.what());
        }
    }
}

}  // namespace timbrel
