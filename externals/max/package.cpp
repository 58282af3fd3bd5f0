#include "package.h"

#include <array>
#include <cstdio>

#include "host/model_choice.h"

namespace timbrel::max {
namespace fs = std::filesystem;
namespace {

#if defined(_WIN32)
constexpr long kPathType = PATH_TYPE_ABSOLUTE;  // C:\\Users\\…
#else
constexpr long kPathType = PATH_TYPE_BOOT;  // /Users/…, where absolute is Macintosh HD:/Users/…
#endif

// A path as Max writes it, as the system does.
std::string native(const char* path) {
    std::array<char, MAX_PATH_CHARS> converted{};
    if (path_nameconform(path, converted.data(), PATH_STYLE_NATIVE, kPathType))
        return path;
    return converted.data();
}

// "" where the patch was never saved.
fs::path patch_folder(t_object* object) {
    t_object* patcher = nullptr;
    if (object_obex_lookup(object, gensym("#P"), &patcher) || !patcher)
        return {};
    const t_symbol* file = jpatcher_get_filepath(patcher);
    if (!file || !*file->s_name)
        return {};
    return fs::path(native(file->s_name)).parent_path();
}

fs::path in_search_path(const std::string& name) {
    std::array<char, MAX_FILENAME_CHARS> found{};
    std::snprintf(found.data(), found.size(), "%s", name.c_str());
    short folder = 0;
    t_fourcc type = 0;
    if (locatefile_extended(found.data(), &folder, &type, nullptr, 0))
        return {};
    std::array<char, MAX_PATH_CHARS> path{};
    if (path_toabsolutesystempath(folder, found.data(), path.data()))
        return {};
    return native(path.data());
}

}  // namespace

const fs::path& package_folder() {
    static const fs::path folder = [] {
        const fs::path file = host::own_file();
        std::error_code problem;
        // The external lies in the folder `externals`, on macOS deep in a bundle.
        for (fs::path each = file.parent_path(); each != each.parent_path();
             each = each.parent_path()) {
            if (fs::is_directory(each / "support", problem))
                return each;
        }
        return file.parent_path().parent_path();
    }();
    return folder;
}

const timbrel_api* engine(std::string& error) {
    static std::string failure;
    static const timbrel_api* api = host::open_engine(package_folder() / "support", "Max", failure);
    error = failure;
    return api;
}

std::string find_model(t_object* object, const std::string& name, std::string& error) {
    const std::string file = host::without_extension(name) + ".ts";
    const fs::path own = package_folder() / "models";
    const fs::path patch = patch_folder(object);
    std::error_code problem;
    if (fs::path(file).is_absolute() && fs::exists(file, problem))
        return file;
    if (fs::is_regular_file(own / file, problem))
        return (own / file).string();
    // A folder, or a file that may not be read: there, and the engine says what is wrong with it.
    if (!patch.empty() && fs::exists(patch / file, problem))
        return (patch / file).string();
    if (const fs::path found = in_search_path(file); !found.empty())
        return found.string();
    error = file + ": no such file (looked in " + own.string() +
            ", in the patch's folder and in Max's search path)";
    return {};
}

}  // namespace timbrel::max
