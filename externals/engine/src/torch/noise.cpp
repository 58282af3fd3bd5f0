#include "noise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/core/GeneratorImpl.h>
#include <torch/library.h>

#include <algorithm>
#include <string_view>

namespace timbrel {
namespace {

// Every operator of torch passes its dispatcher, which runs the kernel of the highest key that the
// calling thread, or a tensor, has switched on. This key is the one that torch leaves to others
// (its own tests), so a thread of ours that switches it on is the only one to meet the kernels
// below: all other programs in this process, and all operators without a generator, pay nothing.
constexpr auto kKey = c10::DispatchKey::TESTING_ONLY_GenericMode;

constexpr std::string_view kNoiseName = "TIMBREL_NOISE";
const c10::DebugInfoKind kNoise(&kNoiseName);

bool is_generator(const c10::Argument& argument) {
    c10::TypePtr type = argument.type();
    if (const auto optional = type->cast<c10::OptionalType>())
        type = optional->getElementType();
    return type->kind() == c10::TypeKind::GeneratorType;
}

c10::Device device_of(c10::ArrayRef<c10::IValue> arguments) {
    for (const c10::IValue& value : arguments) {
        if (value.isTensor() && value.toTensor().defined())
            return value.toTensor().device();
    }
    for (const c10::IValue& value : arguments) {
        if (value.isDevice())
            return value.toDevice();
    }
    return at::kCPU;
}

bool has_generators(c10::DeviceType type) {
    return type == at::kCPU || type == at::kCUDA || type == at::kMPS;
}

void draw_from_stream(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                      torch::jit::Stack* stack) {
    auto* noise = static_cast<Noise*>(c10::ThreadLocalDebugInfo::get(kNoise));
    const auto& declared = op.schema().arguments();
    const c10::Device device = device_of(torch::jit::last(*stack, declared.size()));
    if (noise && has_generators(device.type())) {
        const size_t first = stack->size() - declared.size();
        for (size_t i = 0; i < declared.size(); ++i) {
            c10::IValue& value = (*stack)[first + i];
            if (is_generator(declared[i]) && value.isNone())
                value = noise->generator(device);
        }
    }
    op.redispatchBoxed(keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kKey), stack);
}

// Once per process, and for as long as it lives: taking them back while it ends would touch a torch
// that may have gone already.
void watch_random_operators() {
    // Kept in sight, so that a leak checker does not miss them.
    [[gnu::used]] static const auto watched = [] {
        auto* all = new torch::Library(torch::Library::IMPL, "_", kKey, __FILE__, __LINE__);
        all->fallback(torch::CppFunction::makeFallthrough());
        auto* drawing = new torch::Library(torch::Library::IMPL, "aten", kKey, __FILE__, __LINE__);
        auto& dispatcher = c10::Dispatcher::singleton();
        for (const c10::OperatorName& name : dispatcher.getAllOpNames()) {
            const auto op = dispatcher.findSchema(name);
            if (!op || !name.name.starts_with("aten::"))
                continue;
            const auto& arguments = op->schema().arguments();
            if (std::any_of(arguments.begin(), arguments.end(), is_generator)) {
                drawing->impl(c10::toString(name).c_str(),
                              torch::CppFunction::makeFromBoxedFunction<&draw_from_stream>());
            }
        }
        return std::pair(all, drawing);
    }();
}

}  // namespace

void Noise::seed(std::optional<uint64_t> seed) {
    const std::lock_guard lock(mutex_);
    seed_ = seed;
    generators_.clear();
}

at::Generator Noise::generator(c10::Device device) {
    const std::lock_guard lock(mutex_);
    if (const auto known = generators_.find(device); known != generators_.end())
        return known->second;
    at::Generator generator = device.is_cpu() ? at::make_generator<at::CPUGeneratorImpl>()
                                              : at::globalContext()
                                                    .getAcceleratorHooksInterface(device.type())
                                                    .getNewGenerator(device.index());
    generator.set_current_seed(seed_.value_or(c10::detail::getNonDeterministicRandom()));
    generators_.emplace(device, generator);
    return generator;
}

Noise::Scope::Scope(std::shared_ptr<Noise> noise)
    : info_((watch_random_operators(), kNoise), std::move(noise)), key_(kKey) {}

// SplitMix64 (Steele, Lea and Flood 2014, figure 15): neighbouring seeds give unrelated ones, also
// in their lower half, which is all that the CPU's generator takes.
uint64_t seed_of_example(uint64_t seed, int example) {
    if (example == 0)
        return seed;
    uint64_t z = seed + static_cast<uint64_t>(example) * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

}  // namespace timbrel
