// What a model is, as a dictionary of Max.
#pragma once

#include "max_api.h"
#include "timbrel/engine.h"

namespace timbrel::max {

// The name of an element's type.
const char* type_name(int32_t type);

// [main thread] Fills a dictionary with methods, attributes, name, path and sample rate.
void describe(const timbrel_model_info& info, t_dictionary* into);

// [main thread] Registers a dictionary under a name, or refills the one of that name; a null name
// becomes a new one. `fill` gets it empty. Returns a dictionary that was made here, to be freed
// with object_free().
template <typename Fill>
t_dictionary* publish_dictionary(t_symbol*& name, const Fill& fill) {
    if (t_dictionary* there = name ? dictobj_findregistered_retain(name) : nullptr) {
        dictionary_clear(there);
        fill(there);
        dictobj_release(there);
        return nullptr;
    }
    t_dictionary* made = dictionary_new();
    fill(made);
    return dictobj_register(made, &name);
}

}  // namespace timbrel::max
