// What the real-time core knows of a neural network: a shape and a function that computes a block.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "atoms.h"

namespace timbrel {

// A tensor (batch, in_channels, n / in_ratio) becomes (batch, out_channels, n / out_ratio).
struct Shape {
    int in_channels = 1;
    int in_ratio = 1;
    int out_channels = 1;
    int out_ratio = 1;

    size_t input_size(int batch, int frames) const {
        return static_cast<size_t>(batch) * in_channels * (frames / in_ratio);
    }
    size_t output_size(int batch, int frames) const {
        return static_cast<size_t>(batch) * out_channels * (frames / out_ratio);
    }
};

// One instance of a network, with streaming state of its own, which its methods share. Used by one
// thread at a time; which thread that is may change from call to call. Every function may take
// long and may throw std::runtime_error, whose line says what was wrong and what to do.
class Model {
  public:
    virtual ~Model() = default;

    // `input` holds (batch, in_channels, frames / in_ratio) samples of the method, `output` is
    // filled with (batch, out_channels, frames / out_ratio). `frames` is a multiple of both ratios.
    virtual void compute(const std::string& method, const float* input, float* output, int batch,
                         int frames) = 0;

    // Streaming state as it stood in the file, the attributes as they were last accepted, and the
    // random numbers of the seed from their beginning.
    virtual void reset() = 0;

    // The random numbers that this instance draws from now on, and after every reset; none: other
    // ones each time.
    virtual void seed(std::optional<uint64_t>) {}

    // Attributes, elements in the order of their declaration. A refused `set` changes nothing.
    virtual void set(const std::string& attribute, const Atoms&) {
        throw std::runtime_error("no attribute '" + attribute + "'");
    }
    virtual Atoms get(const std::string& attribute) {
        throw std::runtime_error("no attribute '" + attribute + "'");
    }
    // Every `set` that was accepted, each attribute once, in the order in which they were accepted
    // last: what another instance of the same file has to be told to be like this one.
    virtual std::vector<std::pair<std::string, Atoms>> accepted() const { return {}; }

    // Hz, as the host plays it. Ignored by models that do not ask for it.
    virtual void set_sample_rate(double) {}
};

// The types of an attribute's elements (contract 1).
enum class ElementType { boolean = 0, integer, real, string, tensor, buffer };

struct Attribute {
    std::string name;
    std::vector<ElementType> elements;
};

struct Method {
    std::string name;
    Shape shape;
    int latency = 0;  // the model's own delay in samples
    std::vector<std::string> input_labels;
    std::vector<std::string> output_labels;
};

struct Description {
    std::string name;
    std::string metadata;    // timbrel.json as it stands in the file
    double sample_rate = 0;  // Hz, 0 where the file does not say
    int max_ratio = 1;       // the unit of a block: a multiple of every ratio
    std::vector<Method> methods;
    std::vector<Attribute> attributes;

    const Method* find(const std::string& method) const {
        for (const Method& candidate : methods) {
            if (candidate.name == method)
                return &candidate;
        }
        return nullptr;
    }
};

// Where and how an instance computes.
struct Placement {
    std::string device = "cpu";         // cpu, gpu (whichever there is), cuda, cuda:1, mps
    std::string precision = "float32";  // float32, float16, bfloat16

    bool operator==(const Placement&) const = default;
};

// Whether `forward` may be played as encode, latent stage, decode of one instance.
struct LatentPath {
    bool allowed = false;
    std::string reason;  // why not
};

// A loaded file: never run itself, it is what instances are made from. Used from several threads.
class Prototype {
  public:
    virtual ~Prototype() = default;
    virtual const Description& description() const = 0;
    // Weights are shared with the prototype, everything else belongs to the instance.
    virtual std::unique_ptr<Model> instantiate(const Placement& placement) const = 0;
    // Runs a throwaway instance, because the first calls of a network can be a hundred times slower
    // than the others. Returns the seconds that a block takes once they are over.
    virtual double warm_up(const std::string& method, int batch, int frames,
                           const Placement& placement) const = 0;
    // Found by comparing decode(encode(x)) to forward(x) under one seed. Slow the first time.
    virtual LatentPath latent_path() const { return {false, "the model cannot tell"}; }
};

}  // namespace timbrel
