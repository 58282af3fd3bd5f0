#include "offline.h"

#include <fstream>
#include <string>

#if defined(_WIN32)
#include <windows.h>

#include <cwchar>
#else
#include <dlfcn.h>
#endif
#if defined(__APPLE__)
#include <crt_externs.h>
#endif

namespace timbrel::pd {
namespace {

// Some builds of Pd export the flag itself.
const int* exported_flag() {
#if defined(_WIN32)
    return reinterpret_cast<const int*>(
        reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"pd.dll"), "sys_batch")));
#else
    return static_cast<const int*>(dlsym(RTLD_DEFAULT, "sys_batch"));
#endif
}

bool command_line_says_batch() {
#if defined(_WIN32)
    return std::wcsstr(GetCommandLineW(), L" -batch") != nullptr;
#elif defined(__APPLE__)
    for (int i = 1; i < *_NSGetArgc(); ++i) {
        if (std::string((*_NSGetArgv())[i]) == "-batch")
            return true;
    }
    return false;
#else
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::string argument;
    while (std::getline(file, argument, '\0')) {
        if (argument == "-batch")
            return true;
    }
    return false;
#endif
}

}  // namespace

bool runs_offline() {
    static const int* flag = exported_flag();
    static const bool said = command_line_says_batch();
    return flag ? *flag != 0 : said;
}

}  // namespace timbrel::pd
