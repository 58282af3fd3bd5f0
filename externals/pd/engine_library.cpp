#include "engine_library.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif
#if defined(__linux__)
#include <link.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

#include <vector>

namespace timbrel::pd {
namespace fs = std::filesystem;
namespace {

#if defined(_WIN32)
constexpr const char* kLibrary = "libtimbrel_engine.dll";
#elif defined(__APPLE__)
constexpr const char* kLibrary = "libtimbrel_engine.dylib";
#else
constexpr const char* kLibrary = "libtimbrel_engine.so";
#endif

#if !defined(_WIN32)

std::vector<fs::path> loaded_libraries() {
    std::vector<fs::path> paths;
#if defined(__linux__)
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* list) {
            static_cast<std::vector<fs::path>*>(list)->emplace_back(info->dlpi_name);
            return 0;
        },
        &paths);
#else
    for (uint32_t i = 0; i < _dyld_image_count(); ++i)
        paths.emplace_back(_dyld_get_image_name(i));
#endif
    return paths;
}

// Two libtorches in one process share their symbols by accident and crash by and by. Another
// external that brings its own must be told from ours before ours is opened.
std::string foreign_torch() {
    const fs::path own = package_folder() / "lib";
    std::error_code problem;
    for (const fs::path& library : loaded_libraries()) {
        const std::string name = library.filename().string();
        if (!name.starts_with("libtorch_cpu.") && !name.starts_with("libc10."))
            continue;
        if (!fs::equivalent(library, own / name, problem))
            return library.string();
    }
    return {};
}

const timbrel_api* open_engine(std::string& error) {
    if (const std::string other = foreign_torch(); !other.empty()) {
        error = "another libtorch is loaded already (" + other +
                "); use one external with a libtorch at a time, and start Pd again";
        return nullptr;
    }
    const fs::path path = package_folder() / kLibrary;
    // Local: Pd opens externals globally, and torch's symbols are not for others to find.
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        error = std::string("the engine cannot be loaded (") + dlerror() + ")";
        return nullptr;
    }
    const auto get_api =
        reinterpret_cast<timbrel_get_api_function>(dlsym(library, "timbrel_get_api"));
    const timbrel_api* api = get_api ? get_api(TIMBREL_ABI_VERSION) : nullptr;
    if (!api)
        error = path.string() + " is of another version than this object; install both anew";
    return api;
}

#else

const timbrel_api* open_engine(std::string& error) {
    const fs::path path = package_folder() / kLibrary;
    const HMODULE other = GetModuleHandleW(L"torch_cpu.dll");
    if (other) {
        error =
            "another libtorch is loaded already; use one external with a libtorch at a time, and "
            "start Pd again";
        return nullptr;
    }
    // torch's libraries lie in lib/, where the loader looks only when it is told to.
    AddDllDirectory((package_folder() / "lib").c_str());
    const HMODULE library = LoadLibraryExW(
        path.c_str(), nullptr, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR);
    if (!library) {
        error = "the engine cannot be loaded (" + path.string() + ", error " +
                std::to_string(GetLastError()) + ")";
        return nullptr;
    }
    const auto get_api = reinterpret_cast<timbrel_get_api_function>(
        reinterpret_cast<void*>(GetProcAddress(library, "timbrel_get_api")));
    const timbrel_api* api = get_api ? get_api(TIMBREL_ABI_VERSION) : nullptr;
    if (!api)
        error = path.string() + " is of another version than this object; install both anew";
    return api;
}

#endif

}  // namespace

fs::path package_folder() {
#if defined(_WIN32)
    HMODULE self = nullptr;
    GetModuleHandleExW(
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
        reinterpret_cast<LPCWSTR>(&package_folder), &self);
    wchar_t path[MAX_PATH];
    GetModuleFileNameW(self, path, MAX_PATH);
    return fs::path(path).parent_path();
#else
    Dl_info info;
    dladdr(reinterpret_cast<void*>(&package_folder), &info);
    std::error_code problem;
    const fs::path path = fs::absolute(info.dli_fname, problem);
    return path.parent_path();
#endif
}

const timbrel_api* engine(std::string& error) {
    static std::string failure;
    static const timbrel_api* api = open_engine(failure);
    error = failure;
    return api;
}

}  // namespace timbrel::pd
