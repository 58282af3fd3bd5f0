#include "attributes.h"

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "atoms.h"

namespace timbrel::max {
namespace {

// Adds what the inspector shows of an attribute: an attribute of the attribute.
void describe(t_class* to, const char* attribute, const char* what, const char* type,
              std::vector<t_atom> values) {
    class_attr_addattr_atoms(to, attribute, what, gensym(type), 0, static_cast<long>(values.size()),
                             values.data());
}

std::vector<t_atom> words_of(const char* text) {
    std::vector<t_atom> atoms;
    std::istringstream stream(text);
    for (std::string word; stream >> word;)
        atoms.push_back(atom_of(word.c_str()));
    return atoms;
}

}  // namespace

void add_attributes(t_class* to, bool multichannel, method get, method set) {
    int order = 0;
    for (const Attribute& each : attributes()) {
        if (each.multichannel && !multichannel)
            continue;
        class_addattr(to, attr_offset_new(each.name, gensym(each.type), 0, get, set, 0));
        describe(to, each.name, "label", "symbol", {atom_of(each.label)});
        describe(to, each.name, "category", "symbol", {atom_of(each.category)});
        describe(to, each.name, "style", "symbol", {atom_of(each.style)});
        describe(to, each.name, "order", "long", {atom_of(++order)});
        describe(to, each.name, "basic", "long", {atom_of(1)});
        if (*each.choices)
            describe(to, each.name, "enumvals", "atom", words_of(each.choices));
    }
}

AttributeIndex index_of(void* attribute) {
    const auto* name = static_cast<const t_symbol*>(send(attribute, "getname"));
    size_t index = 0;
    while (index + 1 < kAttributeCount && std::strcmp(attributes()[index].name, name->s_name) != 0)
        ++index;
    return static_cast<AttributeIndex>(index);
}

AttributeValues::AttributeValues() {
    for (size_t i = 0; i < kAttributeCount; ++i) {
        const char* first = attributes()[i].first;
        char* end = nullptr;
        const double number = std::strtod(first, &end);
        set(static_cast<AttributeIndex>(i), *end ? atom_of(first) : atom_of(number));
    }
}

void AttributeValues::set(AttributeIndex index, const t_atom& value) {
    Cell& cell = cells_[index];
    cell.number = value.a_type == A_LONG    ? static_cast<double>(value.a_w.w_long)
                  : value.a_type == A_FLOAT ? value.a_w.w_float
                                            : 0.0;
    cell.word = value.a_type == A_SYM ? value.a_w.w_sym : nullptr;
}

t_atom AttributeValues::get(AttributeIndex index) const {
    if (const t_symbol* word = cells_[index].word)
        return atom_of(word->s_name);
    return atom_of(cells_[index].number);
}

}  // namespace timbrel::max
