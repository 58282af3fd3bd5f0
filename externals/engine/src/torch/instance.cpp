#include "instance.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <charconv>
#include <functional>
#include <stdexcept>

namespace timbrel {
namespace {

using c10::IValue;
using torch::jit::Module;
using torch::jit::ObjectPtr;

// Copies all that a module holds, tensor by tensor. What is there twice (a submodule, a tensor, a
// list that two objects share) is shared by the copies as well.
class Copier {
  public:
    using Map = std::function<at::Tensor(const at::Tensor&)>;

    Copier(Map parameter, Map state) : parameter_(std::move(parameter)), state_(std::move(state)) {}

    Module copy(const Module& module) {
        // First of all, because what else holds a parameter is to go on doing so.
        for (const at::Tensor& parameter : module.parameters())
            copies_.emplace(parameter, parameter_(parameter));
        return Module(copy_object(IValue(module._ivalue())).toObject());
    }

  private:
    IValue copy(const IValue& value) {
        const bool holds_tensors = value.isTensor() || value.isTuple() || value.isList() ||
                                   value.isGenericDict() || value.isObject();
        if (!holds_tensors)
            return value;  // numbers, strings and the like are never changed in place
        if (value.isObject())
            return copy_object(value);
        if (const auto known = copies_.find(value); known != copies_.end())
            return known->second;
        IValue result = copy_contents(value);
        copies_.emplace(value, result);
        return result;
    }

    IValue copy_contents(const IValue& value) {
        if (value.isTensor()) {
            const at::Tensor& tensor = value.toTensor();
            return tensor.defined() ? state_(tensor) : tensor;
        }
        if (value.isTuple()) {
            std::vector<IValue> elements;
            for (const IValue& element : value.toTupleRef().elements())
                elements.push_back(copy(element));
            return c10::ivalue::Tuple::createNamed(std::move(elements), value.toTupleRef().type());
        }
        if (value.isList()) {
            const auto list = value.toList();
            c10::impl::GenericList elements(list.elementType());
            elements.reserve(list.size());
            for (size_t i = 0; i < list.size(); ++i)
                elements.push_back(copy(list.get(i)));
            return elements;
        }
        const auto dict = value.toGenericDict();
        c10::impl::GenericDict items(dict.keyType(), dict.valueType());
        for (const auto& item : dict)
            items.insert(copy(item.key()), copy(item.value()));
        return items;
    }

    IValue copy_object(const IValue& value) {
        if (const auto known = copies_.find(value); known != copies_.end())
            return known->second;
        const ObjectPtr object = value.toObject();
        // An object of torch itself, such as packed weights, which never change.
        if (!object->slots().empty() && object->getSlot(0).isCapsule())
            return value;
        const auto type = object->type();
        const size_t count = object->slots().size();
        auto result = c10::ivalue::Object::create(
            c10::StrongTypePtr(object->compilation_unit(), type), count);
        copies_.emplace(value, result);
        for (size_t slot = 0; slot < count; ++slot)
            result->setSlot(slot, copy(object->getSlot(slot)));
        return result;
    }

    const Map parameter_, state_;
    IValue::HashIdentityIValueMap copies_;
};

std::vector<std::string> devices() {
    std::vector<std::string> names{"cpu"};
    if (at::hasCUDA()) {
        const int count = at::detail::getCUDAHooks().deviceCount();
        if (count > 0)
            names.push_back("cuda");
        for (int i = 1; i < count; ++i)
            names.push_back("cuda:" + std::to_string(i));
    }
    if (at::hasMPS())
        names.push_back("mps");
    return names;
}

at::Device resolve_device(const std::string& name) {
    const std::vector<std::string> there_is = devices();
    std::string same = name == "cuda:0" ? "cuda" : name;
    if (name == "gpu" && there_is.size() > 1)
        same = there_is[1];
    for (const std::string& device : there_is) {
        if (device != same)
            continue;
        if (device == "cpu")
            return at::kCPU;
        if (device == "mps")
            return {at::kMPS, 0};
        int index = 0;
        if (const size_t colon = device.find(':'); colon != std::string::npos)
            std::from_chars(&device[colon + 1], device.data() + device.size(), index);
        return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
    }
    std::string list;
    for (const std::string& device : there_is)
        list += (list.empty() ? "" : ", ") + device;
    throw std::runtime_error("no " + (name.empty() ? "device of no name" : name) +
                             " here; there is: " + list);
}

}  // namespace

Module instantiate(const Module& prototype) {
    return Copier([](const at::Tensor& weights) { return weights; },
                  [](const at::Tensor& state) { return state.clone(); })
        .copy(prototype);
}

at::Tensor TensorPlace::convert(const at::Tensor& tensor) const {
    const bool as_it_is =
        !tensor.is_floating_point() ||
        (type == at::kFloat && !(device.is_mps() && tensor.scalar_type() == at::kDouble));
    return tensor.to(device, as_it_is ? tensor.scalar_type() : type);
}

TensorPlace resolve(const Placement& placement) {
    TensorPlace place;
    if (placement.precision == "float16") {
        place.type = at::kHalf;
    } else if (placement.precision == "bfloat16") {
        place.type = at::kBFloat16;
    } else if (placement.precision != "float32") {
        throw std::runtime_error("no precision '" + placement.precision +
                                 "'; there is: float32, float16, bfloat16");
    }
    place.device = resolve_device(placement.device);
    return place;
}

Module convert(const Module& module, const TensorPlace& place) {
    const auto move = [&](const at::Tensor& tensor) { return place.convert(tensor); };
    return Copier(move, move).copy(module);
}

}  // namespace timbrel
