#include "atoms.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <cmath>

namespace timbrel::max {
namespace {

// Exported by Max 9 and not by Max 8, where asking the linker for them would keep the object from
// being loaded.
using FindArray = t_atomarray* (*)(t_symbol*);
using ReleaseArray = t_max_err (*)(t_atomarray*);
using GetAtoms = t_max_err (*)(t_atomarray*, long*, t_atom**);

void* function_of_max(const char* name) {
#if defined(_WIN32)
    const HMODULE max = GetModuleHandleW(L"MaxAPI.dll");
    return max ? reinterpret_cast<void*>(GetProcAddress(max, name)) : nullptr;
#else
    return dlsym(RTLD_DEFAULT, name);
#endif
}

struct ArrayFunctions {
    FindArray find = reinterpret_cast<FindArray>(function_of_max("arrayobj_findregistered_retain"));
    ReleaseArray release = reinterpret_cast<ReleaseArray>(function_of_max("arrayobj_release"));
    GetAtoms atoms = reinterpret_cast<GetAtoms>(function_of_max("atomarray_getatoms"));
    bool there() const { return find && release && atoms; }
};

// What a name's array holds; false where there is no such array.
bool unfold(const std::string& name, host::Values& into) {
    static const ArrayFunctions functions;
    t_atomarray* array = functions.there() ? functions.find(gensym(name.c_str())) : nullptr;
    if (!array)
        return false;
    long count = 0;
    t_atom* atoms = nullptr;
    if (functions.atoms(array, &count, &atoms) == MAX_ERR_NONE) {
        const host::Values values = values_of(count, atoms);
        into.insert(into.end(), values.begin(), values.end());
    }
    functions.release(array);
    return true;
}

}  // namespace

host::Values values_of(long count, const t_atom* atoms) {
    host::Values values;
    for (long i = 0; i < count; ++i) {
        if (atoms[i].a_type == A_LONG) {
            values.emplace_back(static_cast<double>(atoms[i].a_w.w_long));
        } else if (atoms[i].a_type == A_FLOAT) {
            values.emplace_back(static_cast<double>(atoms[i].a_w.w_float));
        } else if (atoms[i].a_type == A_SYM) {
            values.emplace_back(std::string(atoms[i].a_w.w_sym->s_name));
        }
    }
    return values;
}

t_atom atom_of(double number) {
    t_atom atom;
    constexpr double kExact = 9007199254740992.0;  // 2^53
    if (number == std::floor(number) && std::abs(number) <= kExact) {
        atom.a_type = A_LONG;
        atom.a_w.w_long = static_cast<t_atom_long>(number);
    } else {
        atom.a_type = A_FLOAT;
        atom.a_w.w_float = number;
    }
    return atom;
}

t_atom atom_of(const char* text) {
    t_atom atom;
    atom.a_type = A_SYM;
    atom.a_w.w_sym = gensym(text);
    return atom;
}

std::vector<t_atom> atoms_of(const timbrel_event& event) {
    std::vector<t_atom> atoms;
    for (int32_t i = 0; i < event.count; ++i) {
        const timbrel_atom& from = event.atoms[i];
        atoms.push_back(from.text ? atom_of(from.text) : atom_of(from.number));
    }
    return atoms;
}

host::Values with_arrays_unfolded(const host::Values& values) {
    host::Values unfolded;
    for (size_t i = 0; i < values.size(); ++i) {
        const auto* name = std::get_if<std::string>(&values[i]);
        const auto* next =
            i + 1 < values.size() ? std::get_if<std::string>(&values[i + 1]) : nullptr;
        if (name && *name == "array" && next && unfold(*next, unfolded)) {
            ++i;
        } else if (!name || !unfold(*name, unfolded)) {
            unfolded.push_back(values[i]);
        }
    }
    return unfolded;
}

}  // namespace timbrel::max
