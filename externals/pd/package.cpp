#include "package.h"

#include "host/engine_library.h"
#include "host/model_choice.h"

namespace timbrel::pd {

std::filesystem::path package_folder() {
    return host::own_file().parent_path();
}

const timbrel_api* engine(std::string& error) {
    static std::string failure;
    static const timbrel_api* api = host::open_engine(package_folder(), "Pd", failure);
    error = failure;
    return api;
}

std::string find_model(const t_canvas* canvas, const std::string& name, std::string& error) {
    const std::string stem = host::without_extension(name);
    const auto folder = package_folder() / "models";
    std::error_code problem;
    const auto own = folder / (stem + ".ts");
    if (std::filesystem::is_regular_file(own, problem))
        return own.string();

    char directory[MAXPDSTRING];
    char* file = nullptr;
    const int handle = canvas_open(canvas, stem.c_str(), ".ts", directory, &file, MAXPDSTRING, 1);
    if (handle >= 0) {
        sys_close(handle);
        return std::string(directory) + "/" + file;
    }
    // A folder, or a file that may not be read: there, and the engine says what is wrong with it.
    canvas_makefilename(canvas, (stem + ".ts").c_str(), directory, MAXPDSTRING);
    if (std::filesystem::exists(directory, problem))
        return directory;
    error = stem + ".ts: no such file (looked in " + folder.string() +
            ", in the patch's folder and in Pd's search path)";
    return {};
}

}  // namespace timbrel::pd
