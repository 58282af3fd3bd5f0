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

namespace timbrel::host {
namespace fs = std::filesystem;
namespace {

#if defined(_WIN32)
constexpr const char* kLibrary = "libtimbrel_engine.dll";
#elif defined(__APPLE__)
constexpr const char* kLibrary = "libtimbrel_engine.dylib";
#else
constexpr const char* kLibrary = "libtimbrel_engine.so";
#endif

// The libtorch that another external brought, "" where there is none. Two in one process share
// their symbols by accident and crash by and by: the other one must be told from ours before ours
// is opened.
std::string foreign_torch(const fs::path& folder) {
    std::error_code problem;
#if defined(_WIN32)
    wchar_t path[MAX_PATH];
    const HMODULE other = GetModuleHandleW(L"torch_cpu.dll");
    if (!other || !GetModuleFileNameW(other, path, MAX_PATH))
        return {};
    const bool own = fs::equivalent(path, folder / "lib" / "torch_cpu.dll", problem);
    return own ? std::string() : fs::path(path).string();
#else
    std::vector<fs::path> loaded;
#if defined(__linux__)
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* list) {
            static_cast<std::vector<fs::path>*>(list)->emplace_back(info->dlpi_name);
            return 0;
        },
        &loaded);
#else
    for (uint32_t i = 0; i < _dyld_image_count(); ++i)
        loaded.emplace_back(_dyld_get_image_name(i));
#endif
    for (const fs::path& library : loaded) {
        const std::string name = library.filename().string();
        if ((name.starts_with("libtorch_cpu.") || name.starts_with("libc10.")) &&
            !fs::equivalent(library, folder / "lib" / name, problem))
            return library.string();
    }
    return {};
#endif
}

timbrel_get_api_function load(const fs::path& folder, std::string& error) {
    const fs::path path = folder / kLibrary;
#if defined(_WIN32)
    // torch's libraries lie in lib/, where the loader looks only when it is told to.
    AddDllDirectory((folder / "lib").c_str());
    const HMODULE library = LoadLibraryExW(
        path.c_str(), nullptr, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR);
    if (!library) {
        error = "the engine cannot be loaded (" + path.string() + ", error " +
                std::to_string(GetLastError()) + ")";
        return nullptr;
    }
    auto* symbol = reinterpret_cast<void*>(GetProcAddress(library, "timbrel_get_api"));
#else
    // Local: torch's symbols are not for others to find.
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        error = std::string("the engine cannot be loaded (") + dlerror() + ")";
        return nullptr;
    }
    void* symbol = dlsym(library, "timbrel_get_api");
#endif
    if (!symbol)
        error = path.string() + " is no engine of Timbrel; install the package anew";
    return reinterpret_cast<timbrel_get_api_function>(symbol);
}

}  // namespace

fs::path own_file() {
#if defined(_WIN32)
    HMODULE self = nullptr;
    GetModuleHandleExW(
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
        reinterpret_cast<LPCWSTR>(&own_file), &self);
    wchar_t path[MAX_PATH];
    GetModuleFileNameW(self, path, MAX_PATH);
    return path;
#else
    Dl_info info;
    dladdr(reinterpret_cast<void*>(&own_file), &info);
    std::error_code problem;
    return fs::absolute(info.dli_fname, problem);
#endif
}

const timbrel_api* open_engine(const fs::path& folder, const char* host, std::string& error) {
    if (const std::string other = foreign_torch(folder); !other.empty()) {
        error = "another libtorch is loaded already (" + other +
                "); use one external with a libtorch at a time, and start " + host + " again";
        return nullptr;
    }
    const timbrel_get_api_function get_api = load(folder, error);
    if (!get_api)
        return nullptr;
    const timbrel_api* api = get_api(TIMBREL_ABI_VERSION);
    if (!api)
        error = (folder / kLibrary).string() +
                " is of another version than this object; install the package anew";
    return api;
}

}  // namespace timbrel::host
