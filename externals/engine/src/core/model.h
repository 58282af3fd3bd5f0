// What the real-time core knows of a neural network: a shape and a function that computes a block.
#pragma once

#include <memory>
#include <string>
#include <vector>

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

// One instance of a network, bound to one of its methods, with streaming state of its own.
// Used by one thread at a time; which thread that is may change from block to block.
class Model {
  public:
    virtual ~Model() = default;

    // `input` holds (batch, in_channels, frames / in_ratio) samples, `output` is filled with
    // (batch, out_channels, frames / out_ratio). `frames` is a multiple of both ratios. May throw.
    virtual void compute(const float* input, float* output, int batch, int frames) = 0;

    // Streaming state as it stood in the file.
    virtual void reset() = 0;
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
    std::vector<std::string> attributes;

    const Method* find(const std::string& method) const {
        for (const Method& candidate : methods) {
            if (candidate.name == method)
                return &candidate;
        }
        return nullptr;
    }
};

// A loaded file: never run itself, it is what instances are made from.
class Prototype {
  public:
    virtual ~Prototype() = default;
    virtual const Description& description() const = 0;
    // Weights are shared with the prototype, everything else belongs to the instance.
    virtual std::unique_ptr<Model> instantiate(const std::string& method) const = 0;
    // Runs a throwaway instance, because the first calls of a network can be a hundred times slower
    // than the others.
    virtual void warm_up(const std::string& method, int batch, int frames) const = 0;
};

}  // namespace timbrel
