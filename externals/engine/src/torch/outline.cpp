#include "outline.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "archive/archive.h"
#include "metadata.h"

namespace timbrel {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr size_t kMostModels = 256;
constexpr size_t kLargestOutline = 1 << 16;  // bytes
constexpr uintmax_t kLargestCache = kMostModels * kLargestOutline;

fs::path environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

// Empty where this user has none.
fs::path cache_file() {
    // First everywhere, for those who keep their folders in an order of their own.
    fs::path folder = environment("XDG_CACHE_HOME");
    if (!folder.is_absolute()) {
#if defined(_WIN32)
        folder = environment("LOCALAPPDATA");
#else
        folder = environment("HOME");
#if defined(__APPLE__)
        if (!folder.empty())
            folder /= "Library/Caches";
#else
        if (!folder.empty())
            folder /= ".cache";
#endif
#endif
    }
    return folder.is_absolute() ? folder / "timbrel" / "models.json" : fs::path();
}

// What changes when a file does.
struct Fingerprint {
    std::string path;
    uint64_t size = 0;
    int64_t changed = 0;

    explicit Fingerprint(const std::string& file)
        : path(fs::weakly_canonical(file).string()),
          size(fs::file_size(file)),
          // Not every standard library counts file times in an integer of the same width.
          changed(static_cast<int64_t>(fs::last_write_time(file).time_since_epoch().count())) {}

    bool is_at(const Json& item) const { return item["path"] == path; }
    bool fits(const Json& item) const {
        return is_at(item) && item["size"] == size && item["changed"] == changed;
    }
};

// What was loaded, the latest last; without what is not of the form that `remember_outline` writes.
Json read_cache(const fs::path& file) {
    Json models = Json::array();
    std::error_code problem;
    const auto size = fs::file_size(file, problem);
    if (problem || size > kLargestCache)
        return models;
    std::ifstream stream(file, std::ios::binary);
    const Json cache = Json::parse(stream, nullptr, false);
    if (!cache.is_object() || !cache.contains("format") || cache["format"] != kFormat ||
        !cache.contains("models"))
        return models;
    for (const Json& item : cache["models"]) {
        const bool whole = item.is_object() && item.contains("path") && item.contains("size") &&
                           item.contains("changed") && item.contains("outline");
        if (whole)
            models.push_back(item);
    }
    return models;
}

// Replaced as a whole: another program may be reading it, or be writing one of its own.
void write_cache(const fs::path& file, const Json& models) {
    fs::create_directories(file.parent_path());
    std::ostringstream name;
    name << file.filename().string() << '.' << std::hex << std::random_device()();
    const fs::path temporary = file.parent_path() / name.str();
    {
        std::ofstream stream(temporary, std::ios::binary);
        stream << Json{{"format", kFormat}, {"models", models}}.dump(
            -1, ' ', false, Json::error_handler_t::replace);
        stream.close();
        if (!stream) {
            std::error_code problem;
            fs::remove(temporary, problem);
            return;
        }
    }
    std::error_code problem;
    fs::rename(temporary, file, problem);
    if (problem)
        fs::remove(temporary, problem);
}

std::mutex& cache_mutex() {
    static auto* mutex = new std::mutex;
    return *mutex;
}

std::optional<Description> recall(const std::string& path) {
    const fs::path file = cache_file();
    if (file.empty())
        return std::nullopt;
    const Fingerprint fingerprint(path);
    const std::lock_guard lock(cache_mutex());
    for (const Json& item : read_cache(file)) {
        if (fingerprint.fits(item))
            return read_outline(item["outline"].dump());
    }
    return std::nullopt;
}

}  // namespace

std::optional<Description> outline(const std::string& path) {
    try {
        std::optional<Description> description;
        const std::string text = Archive::peek(path, "extra/timbrel.json").value_or("");
        description = read_outline(text);
        if (description)
            description->metadata = text;
        else
            description = recall(path);
        if (description && description->name.empty())
            description->name = fs::path(path).stem().string();
        return description;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

void remember_outline(const std::string& path, const Description& description) {
    try {
        const fs::path file = cache_file();
        if (file.empty() || read_outline(description.metadata))
            return;  // nowhere to keep it, or told by the file itself
        const Json text = Json::parse(write_outline(description));
        if (text.dump().size() > kLargestOutline)
            return;
        const Fingerprint fingerprint(path);
        const std::lock_guard lock(cache_mutex());
        Json models = Json::array();
        for (const Json& item : read_cache(file)) {
            if (fingerprint.fits(item) && item["outline"] == text)
                return;
            if (!fingerprint.is_at(item))
                models.push_back(item);
        }
        while (models.size() >= kMostModels)
            models.erase(models.begin());
        models.push_back({{"path", fingerprint.path},
                          {"size", fingerprint.size},
                          {"changed", fingerprint.changed},
                          {"outline", text}});
        write_cache(file, models);
    } catch (const std::exception&) {
        // The next object of this file takes as long as the first.
    }
}

}  // namespace timbrel
