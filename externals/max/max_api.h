// The part of Max's C interface that the objects use: the SDK's own headers where MAX_SDK_DIR is
// given, else the declarations of the same names with which the tests are built (tests/max/sdk).
#pragma once

#include "ext.h"
#include "ext_buffer.h"
#include "ext_dictobj.h"
#include "ext_obex.h"
#include "jpatcher_api.h"
#include "z_dsp.h"

// Not ours to define; the SDK's macros of these names break the standard library's templates.
#undef MIN
#undef MAX
#undef post
#undef error

namespace timbrel::max {

// Every method is registered as one type, whatever its arguments.
template <typename Function>
method as_method(Function* function) {
    return reinterpret_cast<method>(reinterpret_cast<void*>(function));
}

// object_method() takes pointers and whole numbers, which the SDK's macro casts as C does.
template <typename Pointer>
void* as_slot(Pointer* pointer) {
    return const_cast<void*>(static_cast<const void*>(pointer));
}
inline void* as_slot(intptr_t number) {
    return reinterpret_cast<void*>(number);
}

template <typename... Arguments>
void* send(void* object, const char* message, Arguments... arguments) {
    static_assert(sizeof...(arguments) <= 8);
    void* slots[] = {as_slot(arguments)...,
                     nullptr,
                     nullptr,
                     nullptr,
                     nullptr,
                     nullptr,
                     nullptr,
                     nullptr,
                     nullptr};
    return object_method_imp(object, gensym(message), slots[0], slots[1], slots[2], slots[3],
                             slots[4], slots[5], slots[6], slots[7]);
}

}  // namespace timbrel::max
