#include "torch_model.h"

#include <ATen/Parallel.h>
#include <torch/script.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>
#include <tuple>
#include <unordered_map>

#include "archive/archive.h"
#include "metadata.h"

namespace timbrel {
namespace {

using torch::jit::IValue;
using torch::jit::Module;

// A file that says more is broken. A host makes an inlet or an outlet of every channel.
constexpr int64_t kMostChannels = 1024;
constexpr int64_t kLargestRatio = 1 << 20;

// Torch's messages run over pages and end in a C++ backtrace. What says something is the first
// line, or, where the model's own code failed, the last: the listing of that code comes before it.
std::string one_line(const std::string& message) {
    std::vector<std::string> lines;
    for (size_t at = 0; at < message.size();) {
        const size_t end = std::min(message.find('\n', at), message.size());
        std::string line = message.substr(at, end - at);
        at = end + 1;
        line.erase(0, line.find_first_not_of(" \t"));
        if (line.starts_with("Exception raised from"))
            break;
        if (!line.empty())
            lines.push_back(line);
    }
    if (lines.empty())
        return "an error without a message";
    const bool in_model = lines.front().starts_with("The following operation failed");
    std::string line = in_model ? lines.back() : lines.front();
    for (const std::string prefix : {"builtins.", "RuntimeError: ", "torch.jit.Error: "}) {
        if (line.starts_with(prefix))
            line.erase(0, prefix.size());
    }
    if (line.size() > 300)
        line = line.substr(0, 297) + "...";
    return line;
}

// One intra-op thread for the calling thread, which is one of ours: workers are many, and
// oversubscribed OpenMP threads stall for hundreds of milliseconds. The setting belongs to the
// thread, but torch hands the last value on to every thread that is new to it; so it is put back
// for those of a program that uses torch for itself.
void compute_alone() {
    thread_local bool done = false;
    if (done)
        return;
    done = true;
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const int of_others = at::get_num_threads();
    at::set_num_threads(1);
    std::thread([=] { at::set_num_threads(of_others); }).join();
}

// Runs `work` on a thread of its own, so that no per-thread setting of torch, and no pool of OpenMP
// threads, is left behind on a thread of the host.
void run_apart(const std::function<void()>& work) {
    std::exception_ptr problem;
    std::thread([&] {
        try {
            compute_alone();
            const torch::NoGradGuard no_grad;
            work();
        } catch (...) {
            problem = std::current_exception();
        }
    }).join();
    if (problem)
        std::rethrow_exception(problem);
}

// The instance of a module that shares its code (and with it the optimised executors) and its
// parameters, and owns everything else. Module::copy() shares buffers as well, deepcopy() and
// clone() share nothing.
class Instantiation {
  public:
    Module make(const Module& prototype) { return Module(copy(prototype._ivalue())); }

  private:
    torch::jit::ObjectPtr copy(const torch::jit::ObjectPtr& object) {
        if (const auto known = copies_.find(object.get()); known != copies_.end()) {
            return known->second;  // a submodule that two others share stays shared
        }
        const auto type = object->type();
        const size_t count = type->numAttributes();
        auto result = c10::ivalue::Object::create(
            c10::StrongTypePtr(object->compilation_unit(), type), count);
        copies_.emplace(object.get(), result);
        for (size_t slot = 0; slot < count; ++slot) {
            const IValue& value = object->getSlot(slot);
            if (type->getAttribute(slot)->is_module()) {
                result->setSlot(slot, copy(value.toObject()));
            } else if (type->is_parameter(slot)) {
                result->setSlot(slot, value);
            } else {
                result->setSlot(slot, value.deepcopy(values_));
            }
        }
        return result;
    }

    std::unordered_map<const c10::ivalue::Object*, torch::jit::ObjectPtr> copies_;
    IValue::HashIdentityIValueMap values_;  // tensors that alias each other go on doing so
};

class TorchModel : public Model {
  public:
    TorchModel(Module prototype, const Description& description)
        : prototype_(std::move(prototype)), description_(description) {
        reset();
    }

    void compute(const std::string& name, const float* input, float* output, int batch,
                 int frames) override {
        compute_alone();
        const torch::NoGradGuard no_grad;
        const Shape& shape = description_.find(name)->shape;
        try {
            // A copy: a model may keep a view of its input as state, and this memory is used again.
            const at::Tensor in =
                at::from_blob(const_cast<float*>(input),
                              {batch, shape.in_channels, frames / shape.in_ratio}, at::kFloat)
                    .clone();
            const IValue result = instance_.get_method(name)({in});
            if (!result.isTensor())
                throw std::runtime_error("it does not return a tensor");
            const at::Tensor out = result.toTensor().to(at::kCPU, at::kFloat).contiguous();
            const std::vector<int64_t> expected{batch, shape.out_channels,
                                                frames / shape.out_ratio};
            if (out.sizes() != at::IntArrayRef(expected)) {
                throw std::runtime_error("it returns " + shape_text(out.sizes()) + " instead of " +
                                         shape_text(expected));
            }
            std::memcpy(output, out.const_data_ptr<float>(), out.numel() * sizeof(float));
        } catch (const std::exception& error) {
            throw std::runtime_error("method " + name + " failed: " + one_line(error.what()));
        }
    }

    void reset() override { instance_ = Instantiation().make(prototype_); }

  private:
    static std::string shape_text(at::IntArrayRef sizes) {
        std::string text;
        for (const int64_t size : sizes)
            text += (text.empty() ? "(" : ", ") + std::to_string(size);
        return text + ")";
    }

    const Module prototype_;
    const Description description_;
    Module instance_;
};

// ---- describing a file (contract 1) ----

std::vector<std::string> strings(const IValue& value) {
    std::vector<std::string> result;
    if (!value.isList())
        return result;
    for (const IValue& element : value.toListRef()) {
        if (element.isString())
            result.push_back(element.toStringRef());
    }
    return result;
}

std::vector<std::string> call_for_strings(Module& module, const std::string& function) {
    if (!module.find_method(function))
        return {};
    return strings(module.get_method(function)({}));
}

std::vector<std::string> labels(const Module& module, const std::string& attribute, int count) {
    std::vector<std::string> result;
    if (module.hasattr(attribute))
        result = strings(module.attr(attribute));
    result.resize(static_cast<size_t>(count));
    return result;
}

// Sets `shape` from `<method>_params`; false where there is none, or none that describes a method.
bool read_shape(const Module& module, const std::string& method, Shape& shape) {
    const std::string attribute = method + "_params";
    if (!module.hasattr(attribute) || !module.attr(attribute).isTensor())
        return false;
    const at::Tensor params = module.attr(attribute).toTensor().to(at::kCPU, at::kLong).flatten();
    if (params.numel() != 4)
        return false;
    const auto value = [&](int i) { return params[i].item<int64_t>(); };
    for (int i = 0; i < 4; ++i) {
        if (value(i) < 1 || value(i) > (i % 2 == 0 ? kMostChannels : kLargestRatio))
            return false;
    }
    shape = {static_cast<int>(value(0)), static_cast<int>(value(1)), static_cast<int>(value(2)),
             static_cast<int>(value(3))};
    return true;
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

Description describe(Module& module, const Metadata& metadata) {
    Description description;
    for (const std::string& name : method_names(module)) {
        Method method{.name = name};
        if (!module.find_method(name) || !read_shape(module, name, method.shape))
            continue;
        method.input_labels = labels(module, name + "_input_labels", method.shape.in_channels);
        method.output_labels = labels(module, name + "_output_labels", method.shape.out_channels);
        if (const auto it = metadata.latency.find(name); it != metadata.latency.end()) {
            method.latency = std::max(0, it->second);
        }
        // A block must be cut to whole values at every inlet and outlet, whichever method is
        // played.
        const int64_t unit =
            std::lcm(std::lcm<int64_t>(description.max_ratio, method.shape.in_ratio),
                     int64_t{method.shape.out_ratio});
        if (unit > kLargestRatio)
            continue;
        description.max_ratio = static_cast<int>(unit);
        description.methods.push_back(std::move(method));
    }
    for (std::string& name : call_for_strings(module, "get_attributes")) {
        if (name != "none")
            description.attributes.push_back({.name = std::move(name)});
    }
    description.sample_rate = metadata.sample_rate;
    if (description.sample_rate <= 0 && module.find_method("get_sample_rate")) {
        const IValue rate = module.get_method("get_sample_rate")({});
        if (rate.isInt())
            description.sample_rate = static_cast<double>(rate.toInt());
        if (rate.isDouble())
            description.sample_rate = rate.toDouble();
    }
    return description;
}

class MemoryReader : public caffe2::serialize::ReadAdapterInterface {
  public:
    explicit MemoryReader(const std::vector<char>& bytes) : bytes_(bytes) {}
    size_t size() const override { return bytes_.size(); }
    size_t read(uint64_t at, void* to, size_t count, const char*) const override {
        const size_t size = std::min(count, at < bytes_.size() ? bytes_.size() - at : 0);
        std::memcpy(to, bytes_.data() + at, size);
        return size;
    }

  private:
    const std::vector<char>& bytes_;
};

class TorchPrototype : public Prototype {
  public:
    TorchPrototype(Module module, Description description)
        : module_(std::move(module)), description_(std::move(description)) {}

    const Description& description() const override { return description_; }

    std::unique_ptr<Model> instantiate(const Placement&) const override {
        std::unique_ptr<Model> model;
        run_apart([&] { model = std::make_unique<TorchModel>(module_, description_); });
        return model;
    }

    double warm_up(const std::string& method, int batch, int frames,
                   const Placement&) const override {
        // What is compiled belongs to the code, which all instances share: once is enough.
        const std::tuple key(method, batch, frames);
        const std::lock_guard lock(warm_mutex_);
        if (const auto known = warm_.find(key); known != warm_.end())
            return known->second;
        double seconds = 0;
        run_apart([&] {
            const Shape& shape = description_.find(method)->shape;
            TorchModel throwaway(module_, description_);
            const std::vector<float> input(shape.input_size(batch, frames));
            std::vector<float> output(shape.output_size(batch, frames));
            // The first call profiles, the second compiles for what the first has seen.
            for (int i = 0; i < 3; ++i) {
                const auto start = std::chrono::steady_clock::now();
                throwaway.compute(method, input.data(), output.data(), batch, frames);
                const std::chrono::duration<double> elapsed =
                    std::chrono::steady_clock::now() - start;
                seconds = elapsed.count();
            }
        });
        warm_[key] = seconds;  // not where it failed: the next stream is refused as well
        return seconds;
    }

  private:
    const Module module_;
    const Description description_;
    mutable std::mutex warm_mutex_;
    mutable std::map<std::tuple<std::string, int, int>, double> warm_;
};

}  // namespace

std::shared_ptr<Prototype> load_torch_model(const std::string& path) {
    const Archive archive = Archive::read(path);
    const std::filesystem::path file(path);
    const std::string text = archive.find("extra/timbrel.json").value_or("");
    const Metadata metadata = Metadata::parse(text);
    std::shared_ptr<Prototype> prototype;
    try {
        run_apart([&] {
            Module module =
                torch::jit::load(std::make_shared<MemoryReader>(archive.bytes()), at::kCPU);
            module.eval();
            Description description = describe(module, metadata);
            description.name = metadata.name.empty() ? file.stem().string() : metadata.name;
            description.metadata = text;
            prototype = std::make_shared<TorchPrototype>(std::move(module), std::move(description));
        });
    } catch (const std::exception& error) {
        const std::string origin =
            metadata.torch_version.empty() ? "" : ", made with torch " + metadata.torch_version;
        throw std::runtime_error(file.filename().string() + ": torch " + TORCH_VERSION +
                                 " cannot load it" + origin + " (" + one_line(error.what()) + ")");
    }
    if (prototype->description().methods.empty()) {
        throw std::runtime_error(
            file.filename().string() +
            ": a TorchScript file, but no method of it can be played (it has no "
            "'forward_params' or the like)");
    }
    return prototype;
}

const char* torch_version() {
    return TORCH_VERSION;
}

}  // namespace timbrel
