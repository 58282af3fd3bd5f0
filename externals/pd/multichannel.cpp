#include "multichannel.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <algorithm>

#ifndef CLASS_MULTICHANNEL
#define CLASS_MULTICHANNEL 0x10
#endif

namespace timbrel::pd {
namespace {

using SetMultiout = void (*)(t_signal**, int);

SetMultiout find_set_multiout() {
    const char* name = "signal_setmultiout";
#if defined(_WIN32)
    // Pd's functions may lie in pd.dll, in pd64.dll or in a host that embeds it.
    HMODULE pd = nullptr;
    GetModuleHandleExW(
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
        reinterpret_cast<LPCWSTR>(&pd_typedmess), &pd);
    return reinterpret_cast<SetMultiout>(reinterpret_cast<void*>(GetProcAddress(pd, name)));
#else
    return reinterpret_cast<SetMultiout>(dlsym(RTLD_DEFAULT, name));
#endif
}

const SetMultiout set_multiout = find_set_multiout();

}  // namespace

bool has_multichannel() {
    return set_multiout != nullptr;
}

int multichannel_flag() {
    return set_multiout ? CLASS_MULTICHANNEL : 0;
}

int channels_of(const t_signal& signal) {
#if PD_MINOR_VERSION >= 54
    // An older Pd has another member in this place.
    if (set_multiout)
        return std::max(signal.s_nchans, 1);
#endif
    (void)signal;
    return 1;
}

void set_channels(t_signal** signal, int channels) {
    if (set_multiout)
        set_multiout(signal, std::max(channels, 1));
}

}  // namespace timbrel::pd
