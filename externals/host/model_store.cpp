#include "model_store.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string_view>

#include "fetch.h"
#include "sha256.h"

namespace timbrel::host {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kLargestIndex = int64_t{1} << 20, kLargestModel = int64_t{1} << 33;  // bytes
constexpr std::string_view kSuffix = ".ts";

fs::path path_of(const std::string& utf8) {
    return fs::path(std::u8string(utf8.begin(), utf8.end()));
}

std::string without_suffix(const std::string& name) {
    return name.ends_with(kSuffix) ? name.substr(0, name.size() - kSuffix.size()) : name;
}

bool is_checksum(const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Every byte that an address may not have as it is.
std::string escaped(const std::string& path) {
    std::string url;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            std::string_view("/-._~").find(c) != std::string_view::npos) {
            url += c;
        } else {
            url += '%';
            url += "0123456789ABCDEF"[byte >> 4];
            url += "0123456789ABCDEF"[byte & 15];
        }
    }
    return url;
}

// A file on its way in, which is gone with this object unless it was put in place. One at a time
// for each place: a second one would write into the same file.
class Incoming {
  public:
    explicit Incoming(const fs::path& place) : place_(place), part_(place) {
        part_.replace_filename(fs::path(".") += place.filename() += ".part");
        const std::lock_guard lock(mutex);
        if (!under_way.insert(part_).second)
            throw std::runtime_error(place.filename().string() + " is being downloaded already");
    }
    Incoming(const Incoming&) = delete;
    ~Incoming() {
        std::error_code problem;
        fs::remove(part_, problem);
        const std::lock_guard lock(mutex);
        under_way.erase(part_);
    }

    const fs::path& part() const { return part_; }
    void put_in_place() const { fs::rename(part_, place_); }

  private:
    inline static std::mutex mutex;
    inline static std::set<fs::path> under_way;

    fs::path place_, part_;
};

}  // namespace

std::string ModelStore::index() const {
    const char* variable = std::getenv("TIMBREL_MODEL_INDEX");
    std::string address = variable ? variable : "";
    if (address.empty()) {
        std::ifstream file(folder_ / "index.url");
        std::getline(file, address);
    }
    while (!address.empty() && std::isspace(static_cast<unsigned char>(address.back())))
        address.pop_back();
    if (address.empty()) {
        throw std::runtime_error("no index of models is known; write its address into " +
                                 (folder_ / "index.url").string() +
                                 ", or into the variable TIMBREL_MODEL_INDEX");
    }
    return address;
}

std::vector<ModelStore::Published> ModelStore::read_index() const {
    const std::string address = index();
    const std::string base = address.substr(0, address.rfind('/', address.find_first_of("?#")) + 1);
    fs::create_directories(folder_);
    static std::atomic<int> count = 0;
    const Incoming incoming(folder_ / ("index" + std::to_string(++count)));
    fetch(address, incoming.part(), kLargestIndex);
    std::ifstream lines(incoming.part());
    std::vector<Published> published;
    for (std::string line; std::getline(lines, line);) {
        while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())))
            line.pop_back();
        // A checksum, a space, a space or an asterisk, a path.
        if (line.size() < 67 || !is_checksum(line.substr(0, 64)) || line[64] != ' ')
            continue;
        const std::string path = line.substr(66);
        if (path.ends_with(kSuffix))
            published.push_back({without_suffix(path), base + escaped(path), line.substr(0, 64)});
    }
    if (published.empty())
        throw std::runtime_error(address + " lists no models (it should be what sha256sum writes)");
    return published;
}

fs::path ModelStore::file(const std::string& name) const {
    const std::string stem = without_suffix(name);
    const bool is_plain =
        !stem.empty() && stem.size() <= 200 && stem[0] != '.' &&
        stem.find_first_of("/\\:*?\"<>|") == std::string::npos &&
        std::none_of(stem.begin(), stem.end(), [](char c) { return c >= 0 && c < ' '; });
    if (!is_plain)
        throw std::runtime_error("'" + name + "' is no name for a file in " + folder_.string());
    return folder_ / path_of(stem + std::string(kSuffix));
}

std::vector<std::string> ModelStore::available() const {
    std::vector<std::string> names;
    for (Published& each : read_index())
        names.push_back(std::move(each.name));
    return names;
}

fs::path ModelStore::download(const std::string& name, const std::string& as) const {
    const std::string wanted = without_suffix(name);
    const fs::path place = file(as.empty() ? wanted.substr(wanted.rfind('/') + 1) : as);
    const std::vector<Published> published = read_index();
    const auto found = std::find_if(published.begin(), published.end(),
                                    [&](const Published& each) { return each.name == wanted; });
    if (found == published.end()) {
        throw std::runtime_error("no model '" + wanted + "' in " + index() +
                                 "; print_available_models lists those there are");
    }
    if (sha256_of(place) == found->sha256)
        return place;
    const Incoming incoming(place);
    fetch(found->url, incoming.part(), kLargestModel);
    if (sha256_of(incoming.part()) != found->sha256) {
        throw std::runtime_error(found->url +
                                 " is not what its index says (the checksum differs); it was not "
                                 "kept");
    }
    incoming.put_in_place();
    return place;
}

void ModelStore::remove(const std::string& name) const {
    const fs::path place = file(name);
    std::error_code problem;
    if (!fs::is_regular_file(fs::symlink_status(place, problem)))
        throw std::runtime_error("no model " + place.filename().string() + " in " +
                                 folder_.string());
    if (!fs::remove(place, problem))
        throw std::runtime_error(place.string() + " could not be removed: " + problem.message());
}

}  // namespace timbrel::host
