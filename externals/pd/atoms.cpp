#include "atoms.h"

#include <utility>

namespace timbrel::pd {

std::string text_of(const t_atom& atom) {
    if (atom.a_type == A_SYMBOL)
        return atom.a_w.w_symbol->s_name;
    char text[MAXPDSTRING];
    atom_string(&atom, text, sizeof(text));
    return text;
}

host::Values values_of(int count, const t_atom* atoms) {
    host::Values values;
    for (const t_atom* atom = atoms; atom != atoms + count; ++atom) {
        if (atom->a_type == A_FLOAT) {
            values.emplace_back(static_cast<double>(atom->a_w.w_float));
        } else {
            values.emplace_back(text_of(*atom));
        }
    }
    return values;
}

void add(host::EngineAtoms& message, const t_atom& atom) {
    auto* array = atom.a_type == A_SYMBOL
                      ? reinterpret_cast<t_garray*>(pd_findbyclass(atom.a_w.w_symbol, garray_class))
                      : nullptr;
    int count = 0;
    t_word* words = nullptr;
    if (!array || !garray_getfloatwords(array, &count, &words)) {
        message.add(values_of(1, &atom).front());
        return;
    }
    std::vector<float> samples;
    for (int i = 0; i < count; ++i)
        samples.push_back(static_cast<float>(words[i].w_float));
    // Arrays have no rate of their own: they are played at Pd's.
    message.add_buffer(text_of(atom), 1, static_cast<double>(sys_getsr()), std::move(samples));
}

std::vector<t_atom> pd_atoms(const timbrel_event& event) {
    std::vector<t_atom> atoms(static_cast<size_t>(event.count));
    for (size_t i = 0; i < atoms.size(); ++i) {
        const timbrel_atom& from = event.atoms[i];
        if (from.text) {
            SETSYMBOL(&atoms[i], gensym(from.text));
        } else {
            SETFLOAT(&atoms[i], static_cast<t_float>(from.number));
        }
    }
    return atoms;
}

}  // namespace timbrel::pd
