#include "description.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "attributes.h"
#include "error_text.h"

namespace timbrel {
namespace {

using c10::IValue;
using torch::jit::Module;

std::vector<std::string> labels(const Module& module, const std::string& attribute, int count) {
    std::vector<std::string> result(static_cast<size_t>(count));
    if (!module.hasattr(attribute))
        return result;
    const auto list = elements_of(module.attr(attribute)).value_or(std::vector<IValue>());
    for (size_t i = 0; i < std::min(list.size(), result.size()); ++i) {
        if (list[i].isString())
            result[i] = printable(list[i].toStringRef());
    }
    return result;
}

std::vector<std::string> method_names(Module& module) {
    if (module.find_method("get_methods"))
        return call_for_strings(module, "get_methods");
    std::vector<std::string> names;
    for (const auto& attribute : module.named_attributes(/*recurse=*/false)) {
        constexpr std::string_view suffix = "_params";
        if (!attribute.name.ends_with(suffix))
            continue;
        const std::string name = attribute.name.substr(0, attribute.name.size() - suffix.size());
        if (module.find_method(name))
            names.push_back(name);
    }
    return names;
}

// Sets `shape` from `<method>_params`, or returns what is wrong with it.
std::string read_shape(const Module& module, const std::string& method, Shape& shape) {
    if (!module.find_method(method))
        return "get_methods lists '" + printable(method) + "', which it does not have";
    const std::string attribute = method + "_params";
    if (!module.hasattr(attribute))
        return "it has no " + attribute;
    const auto params = small_integers(module.attr(attribute), 4);
    if (!params || params->size() != 4)
        return attribute + " is not four whole numbers";
    shape = {};
    int* const fields[] = {&shape.in_channels, &shape.in_ratio, &shape.out_channels,
                           &shape.out_ratio};
    for (size_t i = 0; i < 4; ++i) {
        const int64_t value = (*params)[i];
        const int64_t most = i % 2 == 0 ? kMostChannels : kLargestRatio;
        if (value < 1 || value > most) {
            return attribute + " says " + std::to_string(value) +
                   (i % 2 == 0 ? " channels" : " for a ratio") + ", and 1 to " +
                   std::to_string(most) + " can be";
        }
        *fields[i] = static_cast<int>(value);
    }
    return "";
}

double sample_rate_of(Module& module) {
    if (!module.find_method("get_sample_rate"))
        return 0;
    try {
        const IValue rate = module.get_method("get_sample_rate")({});
        if (rate.isInt() || rate.isDouble())
            return rate.toScalar().toDouble();
    } catch (const std::exception&) {
        // A model without a rate of its own is a normal one.
    }
    return 0;
}

}  // namespace

std::optional<std::vector<IValue>> elements_of(const IValue& value) {
    if (value.isTuple())
        return value.toTupleRef().elements().vec();
    return value.isList() ? std::optional(value.toListRef().vec()) : std::nullopt;
}

std::optional<std::vector<int64_t>> small_integers(const IValue& value, int64_t most) {
    std::vector<int64_t> result;
    const auto add = [&](double number) {
        if (!(std::abs(number) < 1e15) || number != std::floor(number))
            return false;
        result.push_back(static_cast<int64_t>(number));
        return true;
    };
    if (value.isTensor()) {
        // Asked for its size first: a tensor can say that it has a billion elements and store one.
        const at::Tensor& tensor = value.toTensor();
        if (!tensor.defined() || tensor.numel() > most || tensor.is_complex())
            return std::nullopt;
        const at::Tensor numbers = tensor.to(at::kCPU, at::kDouble).contiguous();
        for (int64_t i = 0; i < numbers.numel(); ++i) {
            if (!add(numbers.const_data_ptr<double>()[i]))
                return std::nullopt;
        }
        return result;
    }
    const auto list = elements_of(value);
    if (!list || list->size() > static_cast<size_t>(most))
        return std::nullopt;
    for (const IValue& element : *list) {
        if (!element.isInt() || !add(static_cast<double>(element.toInt())))
            return std::nullopt;
    }
    return result;
}

std::vector<std::string> call_for_strings(Module& module, const std::string& function) {
    if (!module.find_method(function))
        return {};
    const auto fail = [&](const std::string& reason) {
        throw std::runtime_error("the model's own code failed in " + function + " (" + reason +
                                 ")");
    };
    IValue value;
    try {
        value = module.get_method(function)({});
    } catch (const std::exception& error) {
        fail(one_line(error));
    }
    std::vector<std::string> result;
    const auto list = elements_of(value);
    if (!list)
        fail("it does not return a list of strings");
    for (const IValue& element : *list) {
        if (!element.isString())
            fail("it does not return a list of strings");
        result.push_back(element.toStringRef());
    }
    return result;
}

Description describe(Module& module, const Metadata& metadata) {
    Description description;
    std::string problem = "it has no forward_params or the like";
    for (const std::string& name : method_names(module)) {
        if (description.find(name))
            continue;
        Method method{.name = name};
        std::string wrong = read_shape(module, name, method.shape);
        if (wrong.empty() && !take_unit(description, method.shape))
            wrong = "the ratios of its methods have no common multiple below " +
                    std::to_string(kLargestRatio);
        if (!wrong.empty()) {
            problem = wrong;
            continue;
        }
        method.input_labels = labels(module, name + "_input_labels", method.shape.in_channels);
        method.output_labels = labels(module, name + "_output_labels", method.shape.out_channels);
        if (const auto it = metadata.latency.find(name); it != metadata.latency.end())
            method.latency = it->second;
        description.methods.push_back(std::move(method));
    }
    if (description.methods.empty()) {
        throw std::runtime_error("a TorchScript file, but no method of it can be played (" +
                                 problem + ")");
    }
    try {
        description.attributes = describe_attributes(module);
    } catch (const std::exception&) {
        // It can be played without any.
    }
    description.sample_rate =
        metadata.sample_rate > 0 ? metadata.sample_rate : std::max(0.0, sample_rate_of(module));
    if (!std::isfinite(description.sample_rate) || description.sample_rate > kHighestRate)
        description.sample_rate = 0;
    return description;
}

}  // namespace timbrel
