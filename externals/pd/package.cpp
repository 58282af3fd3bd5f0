#include "package.h"

#include <g_canvas.h>  // which canvas is within which

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

    char path[MAXPDSTRING];
    // An abstraction plays the models of the patch that it is used in, wherever it lies itself.
    for (const t_canvas* each = canvas; each; each = each->gl_owner) {
        canvas_makefilename(each, (stem + ".ts").c_str(), path, MAXPDSTRING);
        if (std::filesystem::is_regular_file(path, problem))
            return path;
    }
    char* file = nullptr;
    const int handle = canvas_open(canvas, stem.c_str(), ".ts", path, &file, MAXPDSTRING, 1);
    if (handle >= 0) {
        sys_close(handle);
        return std::string(path) + "/" + file;
    }
    // A folder, or a file that may not be read: there, and the engine says what is wrong with it.
    canvas_makefilename(canvas, (stem + ".ts").c_str(), path, MAXPDSTRING);
    if (std::filesystem::exists(path, problem))
        return path;
    error = stem + ".ts: no such file (looked in " + folder.string() +
            ", in the patch's folder and in Pd's search path)";
    return {};
}

}  // namespace timbrel::pd
