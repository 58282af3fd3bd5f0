#include "atoms.h"

namespace timbrel::pd {

std::string text_of(const t_atom& atom) {
    if (atom.a_type == A_SYMBOL)
        return atom.a_w.w_symbol->s_name;
    char text[MAXPDSTRING];
    atom_string(&atom, text, sizeof(text));
    return text;
}

void EngineAtoms::add(double number) {
    atoms_.push_back({number, nullptr, nullptr});
}

void EngineAtoms::add(const std::string& text) {
    atoms_.push_back({0, texts_.emplace_back(text).c_str(), nullptr});
}

void EngineAtoms::add(const t_atom& atom) {
    if (atom.a_type == A_FLOAT) {
        add(static_cast<double>(atom.a_w.w_float));
        return;
    }
    add(text_of(atom));
    auto* array = atom.a_type == A_SYMBOL
                      ? reinterpret_cast<t_garray*>(pd_findbyclass(atom.a_w.w_symbol, garray_class))
                      : nullptr;
    int count = 0;
    t_word* words = nullptr;
    if (!array || !garray_getfloatwords(array, &count, &words))
        return;
    auto& samples = samples_.emplace_back();
    for (int i = 0; i < count; ++i)
        samples.push_back(static_cast<float>(words[i].w_float));
    timbrel_atom& last = atoms_.back();
    // Arrays have no rate of their own: they are played at Pd's.
    last.buffer = &buffers_.emplace_back(
        timbrel_buffer{last.text, 1, count, static_cast<double>(sys_getsr()), samples.data()});
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
