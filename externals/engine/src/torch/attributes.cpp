#include "attributes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "description.h"
#include "error_text.h"

namespace timbrel {
namespace {

using c10::IValue;
using c10::TypeKind;
using torch::jit::Module;

constexpr size_t kMostAttributes = 1024;
constexpr int64_t kMostElements = 256;

const char* type_name(ElementType type) {
    switch (type) {
        case ElementType::boolean:
            return "bool";
        case ElementType::integer:
            return "int";
        case ElementType::real:
            return "float";
        case ElementType::string:
            return "string";
        case ElementType::tensor:
            return "list of numbers";
        case ElementType::buffer:
            return "buffer";
    }
    return "value";
}

// ---- describing ----

std::optional<ElementType> type_of(const IValue& value) {
    if (value.isBool())
        return ElementType::boolean;
    if (value.isInt())
        return ElementType::integer;
    if (value.isDouble())
        return ElementType::real;
    if (value.isString())
        return ElementType::string;
    if (value.isTensor())
        return ElementType::tensor;
    return std::nullopt;
}

std::vector<ElementType> types_of(const IValue& value) {
    std::vector<ElementType> types;
    for (const IValue& element : elements_of(value).value_or(std::vector{value})) {
        const auto type = type_of(element);
        if (!type)
            return {};
        types.push_back(*type);
    }
    return types;
}

std::vector<ElementType> declared_types(const Module& module, const std::string& name) {
    const std::string declaration = name + "_params";
    if (!module.hasattr(declaration))
        return {};
    const auto codes = small_integers(module.attr(declaration), kMostElements);
    std::vector<ElementType> types;
    for (const int64_t code : codes.value_or(std::vector<int64_t>())) {
        if (code < 0 || code > static_cast<int64_t>(ElementType::buffer))
            return {};
        types.push_back(static_cast<ElementType>(code));
    }
    return types;
}

IValue current_value(Module& module, const std::string& name) {
    if (module.find_method("get_" + name))
        return module.get_method("get_" + name)({});
    if (module.hasattr(name))
        return module.attr(name);
    throw std::runtime_error("the model has no get_" + name);
}

// ---- setting ----

[[noreturn]] void refuse(const Attribute& attribute, const std::string& reason) {
    throw std::runtime_error("set " + attribute.name + ": " + reason);
}

std::string counted(size_t count, const std::string& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

double number_of(const Attribute& attribute, const Atom& atom, size_t index, ElementType type) {
    const double* number = std::get_if<double>(&atom);
    const bool fits = number && (type == ElementType::real || std::isfinite(*number));
    if (!fits || (type == ElementType::integer && std::abs(*number) > 9e15)) {
        refuse(attribute, "value " + std::to_string(index + 1) + " is not a number that fits a " +
                              type_name(type));
    }
    return *number;
}

std::string text_of(const Atom& atom) {
    if (const auto* number = std::get_if<double>(&atom)) {
        char text[32];
        return {text, std::to_chars(text, text + sizeof(text), *number).ptr};
    }
    if (const auto* string = std::get_if<std::string>(&atom))
        return *string;
    return std::get<std::shared_ptr<const HostBuffer>>(atom)->name;
}

// What a model is told, as contract 1 has it.
int64_t whole_hz(double sample_rate) {
    return std::llround(sample_rate);
}

at::Tensor tensor_of(const std::vector<float>& numbers, const TensorPlace& place) {
    return place.convert(at::tensor(numbers, at::kFloat));
}

// What a setter's argument of `type` takes for `value`; as it is where that is not known. A setter
// without annotations takes tensors, for all that its author knows.
IValue adapt(const IValue& value, c10::TypePtr type, const TensorPlace& place) {
    if (const auto optional = type->cast<c10::OptionalType>())
        type = optional->getElementType();
    const bool is_number = value.isBool() || value.isInt() || value.isDouble();
    if (is_number) {
        const double number = value.toScalar().toDouble();
        if (type->kind() == TypeKind::FloatType)
            return number;
        if (type->kind() == TypeKind::IntType && !value.isInt())
            return static_cast<int64_t>(number);
        if (type->kind() == TypeKind::BoolType)
            return number != 0;
        if (type->kind() == TypeKind::TensorType)
            return place.convert(at::scalar_tensor(value.toScalar(), value.isBool()  ? at::kBool
                                                                     : value.isInt() ? at::kLong
                                                                                     : at::kFloat));
    }
    if (const auto list = type->cast<c10::ListType>(); list && value.isTensor()) {
        const at::Tensor numbers = value.toTensor().to(at::kCPU, at::kDouble).flatten();
        c10::impl::GenericList elements(list->getElementType());
        for (int64_t i = 0; i < numbers.numel(); ++i)
            elements.push_back(adapt(numbers[i].item<double>(), list->getElementType(), place));
        return elements;
    }
    return value;
}

// What a setter returned: 0 where it accepted, or returned nothing.
int64_t code_of(const IValue& answer) {
    if (answer.isInt())
        return answer.toInt();
    if (answer.isTensor() && answer.toTensor().defined() && answer.toTensor().numel() == 1)
        return answer.toTensor().item<int64_t>();
    return 0;
}

void check_answer(const Attribute& attribute, const IValue& answer, const std::string& function) {
    if (const int64_t code = code_of(answer); code != 0) {
        refuse(attribute,
               "the model refused it (its " + function + " returned " + std::to_string(code) + ")");
    }
}

IValue call(Module& module, const std::string& function, std::vector<IValue> arguments,
            const TensorPlace& place) {
    const auto method = module.get_method(function);
    const auto& declared = method.function().getSchema().arguments();  // the first is self
    for (size_t i = 0; i < arguments.size() && i + 1 < declared.size(); ++i)
        arguments[i] = adapt(arguments[i], declared[i + 1].type(), place);
    return method(std::move(arguments));
}

// One value per element; what more there is belongs to the last tensor, wherever it stands.
void check_count(const Attribute& attribute, const Atoms& atoms) {
    const auto& types = attribute.elements;
    if (types.empty())
        return;
    const bool open = std::count(types.begin(), types.end(), ElementType::tensor) > 0;
    if (open ? atoms.size() >= types.size() : atoms.size() == types.size())
        return;
    std::string list;
    for (const ElementType type : types)
        list += (list.empty() ? "" : ", ") + std::string(type_name(type));
    refuse(attribute, "it takes " + std::string(open ? "at least " : "") +
                          counted(types.size(), "value") + " (" + list + "), not " +
                          std::to_string(atoms.size()));
}

std::string slot_name(const Attribute& attribute, size_t element) {
    return attribute.name + "#" + std::to_string(element);
}

// The numbers of a tensor, or the name of a buffer whose first channel they are.
std::vector<float> numbers_of(const Attribute& attribute, const Atoms& atoms, size_t begin,
                              size_t end) {
    const auto* held = std::get_if<std::shared_ptr<const HostBuffer>>(&atoms[begin]);
    if (held && begin + 1 == end) {
        const auto& samples = (*held)->samples;
        const auto frames = static_cast<ptrdiff_t>(samples.size()) / std::max((*held)->channels, 1);
        return {samples.begin(), samples.begin() + frames};
    }
    std::vector<float> numbers;
    for (size_t i = begin; i < end; ++i) {
        numbers.push_back(static_cast<float>(number_of(attribute, atoms[i], i, ElementType::real)));
    }
    return numbers;
}

// What a value is where its attribute does not say.
ElementType type_of(const Atom& atom) {
    return std::array{ElementType::real, ElementType::string, ElementType::buffer}[atom.index()];
}

// Of element `element`, made of the values from `i` to `end`: more than one only for a tensor.
void add_argument(const Attribute& attribute, size_t element, const Atoms& atoms, size_t i,
                  size_t end, const TensorPlace& place, Setting& setting) {
    const Atom& atom = atoms[i];
    const auto& types = attribute.elements;
    const ElementType type = types.empty() ? type_of(atom) : types[element];
    auto& arguments = setting.arguments;
    switch (type) {
        case ElementType::boolean:
            arguments.emplace_back(number_of(attribute, atom, i, type) != 0);
            return;
        case ElementType::integer:
            arguments.emplace_back(static_cast<int64_t>(number_of(attribute, atom, i, type)));
            return;
        case ElementType::real:
            arguments.emplace_back(number_of(attribute, atom, i, type));
            return;
        case ElementType::string:
            arguments.emplace_back(text_of(atom));
            return;
        case ElementType::tensor:
            arguments.emplace_back(tensor_of(numbers_of(attribute, atoms, i, end), place));
            return;
        case ElementType::buffer: {
            const auto* held = std::get_if<std::shared_ptr<const HostBuffer>>(&atom);
            if (!held) {
                refuse(attribute,
                       "value " + std::to_string(i + 1) + " is not the name of a buffer");
            }
            if ((*held)->channels < 1 ||
                (*held)->samples.size() % static_cast<size_t>((*held)->channels) != 0) {
                refuse(attribute, "buffer " + (*held)->name + " is not the same for each channel");
            }
            arguments.emplace_back(slot_name(attribute, element));
            setting.buffers.emplace_back(slot_name(attribute, element), *held);
            return;
        }
    }
}

}  // namespace

std::vector<Attribute> describe_attributes(Module& module) {
    std::vector<Attribute> attributes;
    for (const std::string& name : call_for_strings(module, "get_attributes")) {
        const bool known = std::any_of(attributes.begin(), attributes.end(),
                                       [&](const Attribute& a) { return a.name == name; });
        const bool unspeakable = name.empty() || printable(name) != name ||
                                 name.find(' ') != std::string::npos;  // no message can say it
        if (name == "none" || known || unspeakable || attributes.size() == kMostAttributes)
            continue;
        Attribute attribute{.name = name, .elements = declared_types(module, name)};
        if (attribute.elements.empty()) {
            try {
                attribute.elements = types_of(current_value(module, name));
            } catch (const std::exception&) {
                // Then its messages are taken as they come.
            }
        }
        attributes.push_back(std::move(attribute));
    }
    if (!module.find_method("get_buffer_attributes"))
        return attributes;
    // "name#element"
    for (const std::string& slot : call_for_strings(module, "get_buffer_attributes")) {
        const size_t hash = slot.rfind('#');
        size_t element = 0;
        if (hash == std::string::npos ||
            std::from_chars(slot.data() + hash + 1, slot.data() + slot.size(), element).ec !=
                std::errc())
            continue;
        for (Attribute& attribute : attributes) {
            if (attribute.name == slot.substr(0, hash) && element < attribute.elements.size())
                attribute.elements[element] = ElementType::buffer;
        }
    }
    return attributes;
}

Setting prepare_setting(const Module& module, const Attribute& attribute, const Atoms& atoms,
                        const TensorPlace& place) {
    const std::string setter = "set_" + attribute.name;
    const auto method = module.find_method(setter);
    if (!method)
        refuse(attribute, "it cannot be set (the model has no " + setter + ")");
    check_count(attribute, atoms);
    Setting setting;
    const auto& types = attribute.elements;
    const size_t count = types.empty() ? atoms.size() : types.size();
    const auto last = std::find(types.rbegin(), types.rend(), ElementType::tensor);
    const auto longest = static_cast<size_t>(types.rend() - last) - 1;  // none: no index
    for (size_t element = 0, begin = 0; element < count; ++element) {
        const size_t end = begin + 1 + (element == longest ? atoms.size() - count : 0);
        add_argument(attribute, element, atoms, begin, end, place, setting);
        begin = end;
    }
    // The first is self.
    const auto& declared = method->function().getSchema().arguments();
    const size_t wanted = declared.size() - 1, given = setting.arguments.size();
    if (given > wanted || (given < wanted && !declared[given + 1].default_value())) {
        refuse(attribute, "the model's " + setter + " takes " + counted(wanted, "value") +
                              ", not " + std::to_string(given));
    }
    return setting;
}

void apply_setting(Module& module, const Attribute& attribute, Setting setting,
                   const TensorPlace& place) {
    const auto run = [&](Module& on, const std::string& function, std::vector<IValue> arguments) {
        try {
            return call(on, function, std::move(arguments), place);
        } catch (const std::exception& error) {
            const std::string sentence = own_sentence(error);
            // "gain takes", or "point, element 2, takes": it names the attribute itself.
            if (sentence.starts_with(attribute.name + " ") ||
                sentence.starts_with(attribute.name + ","))
                throw std::runtime_error(sentence);
            refuse(attribute, sentence.empty()
                                  ? "the model's own code failed (" + one_line(error) + ")"
                                  : sentence);
        }
    };
    const std::string take = "set_buffer_attribute", setter = "set_" + attribute.name;
    for (const auto& [slot, buffer] : setting.buffers) {
        if (!module.find_method(take))
            refuse(attribute, "the model has no " + take);
        const at::Tensor samples = tensor_of(buffer->samples, place).view({buffer->channels, -1});
        const IValue answer = run(module, take, {slot, samples, whole_hz(buffer->sample_rate)});
        if (code_of(answer) != 0) {
            // The setter may have a sentence for it. Asked of a copy: setters that nn_tilde writes
            // know of no refusal, and change the buffer that is there.
            Module copy = instantiate(module);
            run(copy, setter, setting.arguments);
        }
        check_answer(attribute, answer, take);
    }
    check_answer(attribute, run(module, setter, std::move(setting.arguments)), setter);
}

void clear_buffers(Module& module, const Attribute& attribute) {
    if (!module.find_method("clear_buffer_attribute"))
        return;
    for (size_t i = 0; i < attribute.elements.size(); ++i) {
        if (attribute.elements[i] == ElementType::buffer)
            module.get_method("clear_buffer_attribute")({slot_name(attribute, i)});
    }
}

namespace {

void append_atoms(const IValue& value, Atoms& atoms) {
    if (value.isBool()) {
        atoms.emplace_back(value.toBool() ? 1.0 : 0.0);
    } else if (value.isInt()) {
        atoms.emplace_back(static_cast<double>(value.toInt()));
    } else if (value.isDouble()) {
        atoms.emplace_back(value.toDouble());
    } else if (value.isString()) {
        atoms.emplace_back(printable(value.toStringRef()));
    } else if (value.isTensor()) {
        if (!value.toTensor().defined())
            return;
        const at::Tensor numbers = value.toTensor().to(at::kCPU, at::kDouble).contiguous();
        const double* first = numbers.const_data_ptr<double>();
        atoms.insert(atoms.end(), first, first + numbers.numel());
    } else if (const auto elements = elements_of(value)) {
        for (const IValue& element : *elements)
            append_atoms(element, atoms);
    } else if (!value.isNone()) {
        throw std::runtime_error("a value of type " + value.tagKind() +
                                 " has no form as a message");
    }
}

}  // namespace

Atoms get_attribute(Module& module, const Attribute& attribute) {
    try {
        Atoms atoms;
        append_atoms(current_value(module, attribute.name), atoms);
        return atoms;
    } catch (const std::exception& error) {
        throw std::runtime_error("get " + attribute.name + ": " + one_line(error));
    }
}

void tell_sample_rate(Module& module, double sample_rate) {
    if (!module.find_method("set_sample_rate"))
        return;
    try {
        call(module, "set_sample_rate", {whole_hz(sample_rate)}, {});
    } catch (const std::exception& error) {
        throw std::runtime_error("the model's own code failed in set_sample_rate (" +
                                 one_line(error) + ")");
    }
}

}  // namespace timbrel
