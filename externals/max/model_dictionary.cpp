#include "model_dictionary.h"

#include <iterator>
#include <vector>

#include "atoms.h"

namespace timbrel::max {
namespace {

void add_labels(t_dictionary* to, const char* key, const char* const* labels, int count) {
    std::vector<t_atom> atoms;
    bool any = false;
    for (int i = 0; i < count; ++i) {
        atoms.push_back(atom_of(labels[i]));
        any |= *labels[i] != 0;
    }
    if (any)
        dictionary_appendatoms(to, gensym(key), count, atoms.data());
}

void add_dictionary(t_dictionary* to, const char* key, t_dictionary* what) {
    dictionary_appenddictionary(to, gensym(key), reinterpret_cast<t_object*>(what));
}

}  // namespace

const char* type_name(int32_t type) {
    constexpr const char* kNames[] = {"bool", "int", "float", "string", "tensor", "buffer"};
    return type >= 0 && type < static_cast<int32_t>(std::size(kNames)) ? kNames[type] : "unknown";
}

void describe(const timbrel_model_info& info, t_dictionary* into) {
    dictionary_appendsym(into, gensym("name"), gensym(info.name));
    dictionary_appendsym(into, gensym("path"), gensym(info.path));
    dictionary_appendfloat(into, gensym("sample_rate"), info.sample_rate);
    t_dictionary* methods = dictionary_new();
    for (int i = 0; i < info.method_count; ++i) {
        const timbrel_method_info& from = info.methods[i];
        t_dictionary* method = dictionary_new();
        dictionary_appendlong(method, gensym("channels_in"), from.in_channels);
        dictionary_appendlong(method, gensym("channels_out"), from.out_channels);
        dictionary_appendlong(method, gensym("ratio_in"), from.in_ratio);
        dictionary_appendlong(method, gensym("ratio_out"), from.out_ratio);
        dictionary_appendlong(method, gensym("latency"), from.latency);
        add_labels(method, "input_labels", from.input_labels, from.in_channels);
        add_labels(method, "output_labels", from.output_labels, from.out_channels);
        add_dictionary(methods, from.name, method);
    }
    add_dictionary(into, "methods", methods);
    t_dictionary* attributes = dictionary_new();
    for (int i = 0; i < info.attribute_count; ++i) {
        const timbrel_attribute_info& from = info.attributes[i];
        std::vector<t_atom> types;
        for (int element = 0; element < from.element_count; ++element)
            types.push_back(atom_of(type_name(from.elements[element])));
        t_dictionary* attribute = dictionary_new();
        dictionary_appendatoms(attribute, gensym("attribute_type"), from.element_count,
                               types.data());
        add_dictionary(attributes, from.name, attribute);
    }
    add_dictionary(into, "attributes", attributes);
}

}  // namespace timbrel::max
