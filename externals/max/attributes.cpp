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

const std::array<Attribute, kAttributeCount>& attributes() {
    static const std::array<Attribute, kAttributeCount> table{{
        {"enable", "long", "onoff", "", "Playing", "Enable",
         "0: silence, and the model is not fed.", "1", true, false},
        {"bypass", "long", "onoff", "", "Playing", "Bypass",
         "1: the input, delayed as the model's output is.", "0", true, false},
        {"method", "symbol", "text", "", "Model", "Method",
         "The method of the model that is played.", "forward", true, false},
        {"buffer", "long", "text", "", "Model", "Buffer (samples)",
         "Samples that are computed at once, rounded up to what the model can do; 0: inside the "
         "audio callback.",
         "2048", true, false},
        {"slack", "float64", "text", "", "Model", "Slack (ms)",
         "The time that inference is given; below 0: as long as a block lasts.", "-1", true, false},
        {"resample", "long", "onoff", "", "Model", "Resample",
         "1: convert between Max's sample rate and the model's.", "0", true, false},
        {"offline", "atom", "enum", "auto 0 1", "Playing", "Wait for the model",
         "1: wait for the model instead of fading over late blocks; auto: with the NonRealTime "
         "driver.",
         "auto", false, false},
        {"gpu", "long", "onoff", "", "Device", "Use the graphics processor",
         "1: compute on the graphics processor.", "0", true, false},
        {"device", "symbol", "text", "", "Device", "Device",
         "Where the model is computed: cpu, cuda, cuda:1, mps.", "cpu", true, false},
        {"precision", "symbol", "enum", "float32 float16 bfloat16", "Device", "Precision",
         "The numbers that the model is computed with.", "float32", true, false},
        {"track_buffers", "long", "onoff", "", "Model", "Follow buffer~ changes",
         "1: a buffer~ that an attribute plays is read again when its content changes.", "0", false,
         false},
        {"chans", "long", "text", "", "Multichannel", "Output channels",
         "Channels of each outlet; 0: as many as there is sound for. Takes effect when the audio "
         "is compiled again.",
         "0", false, true},
    }};
    return table;
}

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
