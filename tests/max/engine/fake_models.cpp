// The engine that the tests of Max play through: the real one, but for libtorch. A model's file
// says in words what the network does:
//
//     name NAME
//     rate HZ
//     method NAME IN_CHANNELS IN_RATIO OUT_CHANNELS OUT_RATIO LATENCY
//     inputs METHOD LABEL...        outputs METHOD LABEL...
//     attribute NAME TYPE...
//     broken LINE                   it cannot be loaded, and that is why
//
// Output channel o is (gain * (o + 1)) times input channel o mod IN_CHANNELS, plus `offset`: what
// the attributes gain (float) and wave (buffer, its sum) and vector (tensor, its sum) were set to.
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include "torch/outline.h"
#include "torch/torch_model.h"

namespace timbrel {
namespace {

struct File {
    Description description;
    std::string broken;
};

ElementType type_of(const std::string& word) {
    static const std::map<std::string, ElementType> types{
        {"bool", ElementType::boolean},  {"int", ElementType::integer},
        {"float", ElementType::real},    {"string", ElementType::string},
        {"tensor", ElementType::tensor}, {"buffer", ElementType::buffer}};
    return types.at(word);
}

File read(const std::string& path) {
    std::ifstream stream(path);
    if (!stream)
        throw std::runtime_error(path + " cannot be read");
    File file;
    Description& to = file.description;
    const auto method = [&](const std::string& name) -> Method& {
        for (Method& each : to.methods) {
            if (each.name == name)
                return each;
        }
        return to.methods.emplace_back(Method{.name = name, .shape = {}});
    };
    for (std::string line; std::getline(stream, line);) {
        std::istringstream words(line);
        std::string what, name;
        words >> what;
        if (what == "name") {
            words >> to.name;
        } else if (what == "rate") {
            words >> to.sample_rate;
        } else if (what == "method") {
            words >> name;
            Method& made = method(name);
            words >> made.shape.in_channels >> made.shape.in_ratio >> made.shape.out_channels >>
                made.shape.out_ratio >> made.latency;
            to.max_ratio =
                std::lcm(to.max_ratio, std::lcm(made.shape.in_ratio, made.shape.out_ratio));
        } else if (what == "inputs" || what == "outputs") {
            words >> name;
            Method& of = method(name);
            for (std::string label; words >> label;)
                (what == "inputs" ? of.input_labels : of.output_labels).push_back(label);
        } else if (what == "attribute") {
            words >> name;
            Attribute& attribute = to.attributes.emplace_back(Attribute{name, {}});
            for (std::string type; words >> type;)
                attribute.elements.push_back(type_of(type));
        } else if (what == "broken") {
            std::getline(words >> std::ws, file.broken);
        }
    }
    for (Method& each : to.methods) {
        each.input_labels.resize(static_cast<size_t>(each.shape.in_channels));
        each.output_labels.resize(static_cast<size_t>(each.shape.out_channels));
    }
    return file;
}

class Scale : public Model {
  public:
    explicit Scale(const Description& description) : description_(description) {}

    void compute(const std::string& method, const float* input, float* output, int batch,
                 int frames) override {
        const Shape& shape = description_.find(method)->shape;
        const int in_frames = frames / shape.in_ratio, out_frames = frames / shape.out_ratio;
        for (int b = 0; b < batch; ++b) {
            for (int o = 0; o < shape.out_channels; ++o) {
                const float* in =
                    input + (b * shape.in_channels + o % shape.in_channels) * in_frames;
                float* out = output + (b * shape.out_channels + o) * out_frames;
                for (int t = 0; t < out_frames; ++t)
                    out[t] = gain_ * static_cast<float>(o + 1) *
                                 in[t * shape.out_ratio / shape.in_ratio] +
                             offset_;
            }
        }
    }

    void reset() override {}

    void set(const std::string& name, const Atoms& values) override {
        for (const Attribute& each : description_.attributes) {
            if (each.name != name)
                continue;
            const bool tensor =
                each.elements.size() == 1 && each.elements[0] == ElementType::tensor;
            if (!tensor && values.size() != each.elements.size())
                throw std::runtime_error("attribute '" + name + "' has " +
                                         std::to_string(each.elements.size()) + " elements");
            accept(name, values);
            values_[name] = values;
            return;
        }
        throw std::runtime_error("no attribute '" + name + "'");
    }

    Atoms get(const std::string& name) override {
        const auto found = values_.find(name);
        if (found == values_.end())
            throw std::runtime_error("no attribute '" + name + "'");
        return found->second;
    }

    std::vector<std::pair<std::string, Atoms>> accepted() const override {
        return {values_.begin(), values_.end()};
    }

  private:
    void accept(const std::string& name, const Atoms& values) {
        float sum = 0;
        for (const Atom& value : values) {
            if (const auto* number = std::get_if<double>(&value))
                sum += static_cast<float>(*number);
            if (const auto* buffer = std::get_if<std::shared_ptr<const HostBuffer>>(&value))
                sum += std::accumulate((*buffer)->samples.begin(), (*buffer)->samples.end(), 0.0F);
        }
        if (name == "gain") {
            gain_ = sum;
        } else if (name == "wave" || name == "vector") {
            offset_ = sum;
        }
    }

    const Description description_;
    float gain_ = 1, offset_ = 0;
    std::map<std::string, Atoms> values_;
};

class ScalePrototype : public Prototype {
  public:
    explicit ScalePrototype(Description description) : description_(std::move(description)) {}
    const Description& description() const override { return description_; }
    std::unique_ptr<Model> instantiate(const Placement&) const override {
        return std::make_unique<Scale>(description_);
    }
    double warm_up(const std::string&, int, int, const Placement&) const override { return 1e-6; }

  private:
    const Description description_;
};

}  // namespace

std::shared_ptr<Prototype> load_torch_model(const std::string& path) {
    File file = read(path);
    if (!file.broken.empty())
        throw std::runtime_error(path + ": " + file.broken);
    return std::make_shared<ScalePrototype>(std::move(file.description));
}

const char* torch_version() {
    return "none";
}

bool inside_libtorch() {
    return false;
}

std::optional<Description> outline(const std::string& path) {
    const File file = read(path);
    return file.broken.empty() ? std::optional(file.description) : std::nullopt;
}

}  // namespace timbrel
