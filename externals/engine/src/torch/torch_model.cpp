#include "torch_model.h"

#include <caffe2/serialize/versions.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/version.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>

#include "apart.h"
#include "archive/archive.h"
#include "archive/contents.h"
#include "attributes.h"
#include "description.h"
#include "error_text.h"
#include "instance.h"
#include "metadata.h"
#include "outline.h"
#include "trial.h"
#include "types.h"

namespace timbrel {
namespace {

using c10::IValue;
using torch::jit::Module;

// What all instances of one file and one placement are made from. Never run.
struct Placed {
    Module module;
    TensorPlace place;
    Description description;
};

std::string shape_text(at::IntArrayRef sizes) {
    std::string text;
    for (const int64_t size : sizes)
        text += (text.empty() ? "(" : ", ") + std::to_string(size);
    return text + ")";
}

class TorchModel : public Model {
  public:
    // `apart`: the model has state for one example only, so that every example of a batch is
    // computed by an instance of its own.
    TorchModel(std::shared_ptr<const Placed> placed, bool apart)
        : placed_(std::move(placed)), apart_(apart) {
        instances_.push_back(make_instance(0));
    }

    void compute(const std::string& name, const float* input, float* output, int batch,
                 int frames) override {
        const Method* method = placed_->description.find(name);
        if (!method)
            throw std::runtime_error("no method '" + name + "'");
        if (!apart_ || batch == 1) {
            compute(instances_.front(), *method, input, output, batch, frames);
            return;
        }
        while (instances_.size() < static_cast<size_t>(batch)) {
            instances_.push_back(make_instance(static_cast<int>(instances_.size())));
            replay(instances_.back());
        }
        for (int example = 0; example < batch; ++example) {
            compute(instances_[static_cast<size_t>(example)], *method, input, output, 1, frames);
            input += method->shape.input_size(1, frames);
            output += method->shape.output_size(1, frames);
        }
    }

    void reset() override {
        for (Instance& instance : instances_) {
            instance.module = timbrel::instantiate(placed_->module);
            instance.noise->seed(instance.noise->seed());
            replay(instance);
        }
    }

    void seed(std::optional<uint64_t> seed) override {
        seed_ = seed;
        for (size_t i = 0; i < instances_.size(); ++i)
            instances_[i].noise->seed(seed_of(static_cast<int>(i)));
    }

    void set(const std::string& name, const Atoms& atoms) override {
        const Attribute& attribute = find(name);
        prepare_setting(instances_.front().module, attribute, atoms, placed_->place);
        const auto known = std::find_if(accepted_.begin(), accepted_.end(),
                                        [&](const auto& item) { return item.first == name; });
        const Atoms before = known != accepted_.end() ? known->second : current(attribute);
        try {
            for (Instance& instance : instances_)
                tell(instance, attribute, atoms);
        } catch (const std::exception&) {
            // A setter may have come half its way before it refused.
            for (Instance& instance : instances_)
                restore(instance, attribute, before);
            throw;
        }
        if (known != accepted_.end())
            accepted_.erase(known);
        accepted_.emplace_back(name, atoms);
    }

    Atoms get(const std::string& name) override {
        const Attribute& attribute = find(name);
        const Computing computing(instances_.front().noise);
        return get_attribute(instances_.front().module, attribute);
    }

    std::vector<std::pair<std::string, Atoms>> accepted() const override { return accepted_; }

    void set_sample_rate(double sample_rate) override {
        if (sample_rate == sample_rate_)
            return;
        sample_rate_ = sample_rate;
        for (Instance& instance : instances_) {
            const Computing computing(instance.noise);
            tell_sample_rate(instance.module, sample_rate);
        }
    }

  private:
    struct Instance {
        Module module;
        std::shared_ptr<Noise> noise = std::make_shared<Noise>();
    };

    Instance make_instance(int example) const {
        Instance instance{timbrel::instantiate(placed_->module)};
        instance.noise->seed(seed_of(example));
        return instance;
    }

    std::optional<uint64_t> seed_of(int example) const {
        return seed_ ? std::optional(seed_of_example(*seed_, example)) : std::nullopt;
    }

    // What a new instance has to be told to be like the others. All of it, even if a part of it
    // fails.
    void replay(Instance& instance) const {
        std::exception_ptr problem;
        const auto attempt = [&](const std::function<void()>& step) {
            try {
                step();
            } catch (...) {
                problem = problem ? problem : std::current_exception();
            }
        };
        if (sample_rate_ > 0) {
            attempt([&] {
                const Computing computing(instance.noise);
                tell_sample_rate(instance.module, sample_rate_);
            });
        }
        for (const auto& [name, atoms] : accepted_)
            attempt([&] { tell(instance, find(name), atoms); });
        if (problem)
            std::rethrow_exception(problem);
    }

    void tell(Instance& instance, const Attribute& attribute, const Atoms& atoms) const {
        const Computing computing(instance.noise);
        apply_setting(instance.module, attribute,
                      prepare_setting(instance.module, attribute, atoms, placed_->place),
                      placed_->place);
    }

    void clear(Instance& instance, const Attribute& attribute) const {
        const Computing computing(instance.noise);
        clear_buffers(instance.module, attribute);
    }

    // Empty where the model does not say, or cannot be told what it says.
    Atoms current(const Attribute& attribute) {
        const auto& types = attribute.elements;
        if (std::count(types.begin(), types.end(), ElementType::buffer))
            return {};
        try {
            return get(attribute.name);
        } catch (const std::exception&) {
            return {};
        }
    }

    void restore(Instance& instance, const Attribute& attribute, const Atoms& before) const {
        try {
            if (!before.empty())
                tell(instance, attribute, before);
            else
                clear(instance, attribute);
        } catch (const std::exception&) {
            // The refusal is what is to be heard of.
        }
    }

    const Attribute& find(const std::string& name) const {
        std::string list;
        for (const Attribute& attribute : placed_->description.attributes) {
            if (attribute.name == name)
                return attribute;
            list += (list.empty() ? "" : ", ") + attribute.name;
        }
        throw std::runtime_error("no attribute '" + name + "' (" +
                                 (list.empty() ? "the model has none" : "it has: " + list) + ")");
    }

    void compute(Instance& instance, const Method& method, const float* input, float* output,
                 int batch, int frames) const {
        const Computing computing(instance.noise);
        const torch::jit::GraphOptimizerEnabledGuard fused(!placed_->place.device.is_cpu());
        const Shape& shape = method.shape;
        try {
            at::Tensor in =
                at::from_blob(const_cast<float*>(input),
                              {batch, shape.in_channels, frames / shape.in_ratio}, at::kFloat);
            // A copy: a model may keep a view of its input as state, and this memory is used again.
            in = in.to(placed_->place.device, placed_->place.type, false, /*copy=*/true);
            const IValue result = instance.module.get_method(method.name)({in});
            if (!result.isTensor() || !result.toTensor().defined())
                throw std::runtime_error("it does not return a tensor");
            const at::Tensor& returned = result.toTensor();
            const std::vector<int64_t> expected{batch, shape.out_channels,
                                                frames / shape.out_ratio};
            if (returned.sizes() != at::IntArrayRef(expected)) {
                throw std::runtime_error("it returns " + shape_text(returned.sizes()) +
                                         " instead of " + shape_text(expected));
            }
            if (returned.is_complex())
                throw std::runtime_error("it returns complex numbers");
            const at::Tensor out = returned.to(at::kCPU, at::kFloat).contiguous();
            std::memcpy(output, out.const_data_ptr<float>(),
                        static_cast<size_t>(out.numel()) * sizeof(float));
        } catch (const std::exception& error) {
            throw std::runtime_error("method " + method.name + " failed: " + one_line(error));
        }
    }

    const std::shared_ptr<const Placed> placed_;
    const bool apart_;
    std::vector<Instance> instances_;
    std::optional<uint64_t> seed_;
    double sample_rate_ = 0;
    std::vector<std::pair<std::string, Atoms>> accepted_;
};

class TorchPrototype : public Prototype {
  public:
    explicit TorchPrototype(Placed placed) : file_(std::make_shared<Placed>(std::move(placed))) {}

    const Description& description() const override { return file_->description; }

    std::unique_ptr<Model> instantiate(const Placement& placement) const override {
        const auto source = place(placement);
        const bool apart = one_example_only();
        auto model = std::make_shared<std::unique_ptr<Model>>();
        run_apart("making an instance of " + description().name, patience(),
                  [=] { *model = std::make_unique<TorchModel>(source, apart); });
        return std::move(*model);
    }

    double warm_up(const std::string& method, int batch, int frames,
                   const Placement& placement) const override {
        const auto source = place(placement);
        // What is compiled belongs to the code, which all instances share: once is enough.
        const std::tuple key(method, batch, frames, placement.device, placement.precision);
        const std::lock_guard lock(warm_mutex_);
        if (const auto known = warm_.find(key); known != warm_.end()) {
            if (!known->second.problem.empty())
                throw std::runtime_error(known->second.problem);
            return known->second.seconds;
        }
        const Method* played = description().find(method);
        if (!played)
            throw std::runtime_error("no method '" + method + "'");
        const auto attempt = [&](bool apart) {
            return timbrel::warm_up([=] { return std::make_unique<TorchModel>(source, apart); },
                                    *played, batch, frames);
        };
        double seconds = 0;
        try {
            seconds = attempt(one_example_only());
        } catch (const NeverReturned& problem) {
            warm_[key].problem = problem.what();  // not waited for a second time
            throw;
        } catch (const std::exception&) {
            if (batch == 1 || one_example_only() || !works_apart(attempt, seconds))
                throw;  // and not remembered: the next stream is refused as well
            one_example_only_ = true;
        }
        warm_[key].seconds = seconds;
        return seconds;
    }

    LatentPath latent_path() const override {
        const std::lock_guard lock(latent_mutex_);
        if (!latent_path_) {
            const MakeModel make = [source = file_] {
                return std::make_unique<TorchModel>(source, false);
            };
            latent_path_ = find_latent_path(make, description());
        }
        return *latent_path_;
    }

  private:
    struct Warm {
        double seconds = 0;
        std::string problem;
    };

    bool one_example_only() const { return one_example_only_; }

    template <typename Attempt>
    static bool works_apart(const Attempt& attempt, double& seconds) {
        try {
            seconds = attempt(true);
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }

    // The file's module, or its one conversion that all streams of a placement share.
    std::shared_ptr<const Placed> place(const Placement& placement) const {
        const std::lock_guard lock(placed_mutex_);
        if (placement == Placement())
            return recent_ = file_;
        const TensorPlace where = resolve(placement);
        auto& known = placed_[{placement.device, placement.precision}];
        if (const auto placed = known.lock())
            return recent_ = placed;
        auto placed = std::make_shared<std::shared_ptr<const Placed>>();
        run_apart("moving " + description().name + " to " + placement.device, patience(),
                  [=, file = file_] {
                      *placed = std::make_shared<Placed>(
                          Placed{convert(file->module, where), where, file->description});
                  });
        known = *placed;
        return recent_ = *placed;
    }

    const std::shared_ptr<const Placed> file_;
    mutable std::mutex placed_mutex_;
    mutable std::map<std::pair<std::string, std::string>, std::weak_ptr<const Placed>> placed_;
    // Held from the warm-up to the first instance, and then for no longer than another takes its
    // place.
    mutable std::shared_ptr<const Placed> recent_;
    mutable std::mutex warm_mutex_;
    mutable std::map<std::tuple<std::string, int, int, std::string, std::string>, Warm> warm_;
    mutable std::atomic<bool> one_example_only_{false};
    mutable std::mutex latent_mutex_;
    mutable std::optional<LatentPath> latent_path_;
};

// ---- loading ----

// Owns the bytes: a load that never ends goes on reading them.
class MemoryReader : public caffe2::serialize::ReadAdapterInterface {
  public:
    explicit MemoryReader(std::shared_ptr<const Archive> archive) : archive_(std::move(archive)) {}
    size_t size() const override { return archive_->bytes().size(); }
    size_t read(uint64_t at, void* to, size_t count, const char*) const override {
        const std::vector<char>& bytes = archive_->bytes();
        const size_t size = std::min<size_t>(count, at < bytes.size() ? bytes.size() - at : 0);
        std::memcpy(to, bytes.data() + at, size);
        return size;
    }

  private:
    const std::shared_ptr<const Archive> archive_;
};

// The archive's format, which torch raises when an older torch could not read what it writes.
void check_format(const Archive& archive, const std::string& origin) {
    const std::string text =
        archive.find(".data/version").value_or(archive.find("version").value_or(""));
    uint64_t version = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), version).ec != std::errc())
        throw std::runtime_error("it does not say which archive format it is in" + origin);
    if (version > caffe2::serialize::kMaxSupportedFileFormatVersion ||
        version < caffe2::serialize::kMinSupportedFileFormatVersion) {
        throw std::runtime_error("its archive format is " + std::to_string(version) + origin +
                                 ", and torch " + TORCH_VERSION + " reads " +
                                 std::to_string(caffe2::serialize::kMinSupportedFileFormatVersion) +
                                 " to " +
                                 std::to_string(caffe2::serialize::kMaxSupportedFileFormatVersion) +
                                 "; export it again with a torch of about this version");
    }
}

Placed load(const std::shared_ptr<const Archive>& archive, const Metadata& metadata,
            const std::string& origin) {
    Placed placed{Module("none"), {}, {}};
    try {
        placed.module = torch::jit::load(std::make_shared<MemoryReader>(archive), at::kCPU);
        check_types(placed.module);
        placed.module.eval();
    } catch (const std::exception& error) {
        throw std::runtime_error("torch " + std::string(TORCH_VERSION) + " cannot load it" +
                                 origin + " (" + one_line(error) + ")");
    }
    placed.description = describe(placed.module, metadata);
    return placed;
}

}  // namespace

std::shared_ptr<Prototype> load_torch_model(const std::string& path) {
    const auto archive = std::make_shared<const Archive>(Archive::read(path));
    const std::filesystem::path file(path);
    check_contents(*archive, file.filename().string());
    const Metadata metadata = Metadata::parse(archive->find("extra/timbrel.json").value_or(""));
    const std::string origin = metadata.torch_version.empty()
                                   ? ""
                                   : ", made with torch " + printable(metadata.torch_version);
    auto prototype = std::make_shared<std::shared_ptr<TorchPrototype>>();
    try {
        check_format(*archive, origin);
        run_apart("loading", patience(), [=, stem = file.stem().string()] {
            Placed placed = load(archive, metadata, origin);
            placed.description.name = metadata.name.empty() ? stem : printable(metadata.name);
            placed.description.metadata = metadata.text;
            *prototype = std::make_shared<TorchPrototype>(std::move(placed));
        });
    } catch (const std::exception& error) {
        throw std::runtime_error(file.filename().string() + ": " + one_line(error));
    }
    remember_outline(path, (*prototype)->description());
    return *prototype;
}

const char* torch_version() {
    return TORCH_VERSION;
}

}  // namespace timbrel
