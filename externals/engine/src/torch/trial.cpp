#include "trial.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <stdexcept>

#include "apart.h"

namespace timbrel {
namespace {

constexpr int kTrialBlocks = 4;
constexpr int kSmallestTrialBlock = 2048;
constexpr double kTolerance = 1e-4;  // of the peak

// A model that takes fifty times as long as its block lasts has no use but to be waited for.
double allowed_seconds(int frames) {
    return patience() + 50.0 * frames / 44100.0;
}

std::string shape_problem(const Shape& encode, const Shape& decode, const Shape& forward) {
    if (encode.out_channels != decode.in_channels) {
        return "encode gives " + std::to_string(encode.out_channels) + " latents, decode takes " +
               std::to_string(decode.in_channels);
    }
    if (encode.out_ratio != decode.in_ratio) {
        return "encode gives a latent every " + std::to_string(encode.out_ratio) +
               " samples, decode takes one every " + std::to_string(decode.in_ratio);
    }
    if (encode.in_channels != forward.in_channels || encode.in_ratio != forward.in_ratio)
        return "encode and forward do not take the same input";
    if (decode.out_channels != forward.out_channels || decode.out_ratio != forward.out_ratio)
        return "decode and forward do not give the same output";
    return "";
}

// The largest difference between forward(x) and decode(encode(x)), as a fraction of the peak.
double compare(const MakeModel& make, const Description& description) {
    const Shape& encode = description.find("encode")->shape;
    const Shape& forward = description.find("forward")->shape;
    const int unit = description.max_ratio;
    const int frames = (kSmallestTrialBlock + unit - 1) / unit * unit;
    const std::unique_ptr<Model> whole = make(), halves = make();
    whole->seed(1);
    halves->seed(1);
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-0.5F, 0.5F);
    std::vector<float> input(forward.input_size(1, frames));
    std::vector<float> latents(encode.output_size(1, frames));
    std::vector<float> expected(forward.output_size(1, frames)), output(expected.size());
    double peak = 0, difference = 0;
    for (int block = 0; block < kTrialBlocks; ++block) {
        std::generate(input.begin(), input.end(), [&] { return uniform(random); });
        whole->compute("forward", input.data(), expected.data(), 1, frames);
        halves->compute("encode", input.data(), latents.data(), 1, frames);
        halves->compute("decode", latents.data(), output.data(), 1, frames);
        for (size_t i = 0; i < output.size(); ++i) {
            if (!std::isfinite(expected[i]) || !std::isfinite(output[i]))
                throw std::runtime_error("it gives values that are not numbers");
            peak = std::max(peak, static_cast<double>(std::abs(expected[i])));
            difference = std::max(difference, std::abs(static_cast<double>(expected[i]) -
                                                       static_cast<double>(output[i])));
        }
    }
    return difference > 0 ? difference / peak : 0;  // infinite where only one is silent
}

}  // namespace

double warm_up(const MakeModel& make, const Method& method, int batch, int frames) {
    const auto seconds = std::make_shared<double>(0);
    run_apart("method " + method.name, allowed_seconds(frames), [=] {
        const std::unique_ptr<Model> model = make();
        const std::vector<float> input(method.shape.input_size(batch, frames));
        std::vector<float> output(method.shape.output_size(batch, frames));
        // The first call prepares the code; where it is optimised, the second does once more, for
        // what the first has seen.
        for (int i = 0; i < 3; ++i) {
            const auto start = std::chrono::steady_clock::now();
            model->compute(method.name, input.data(), output.data(), batch, frames);
            const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
            *seconds = elapsed.count();
        }
    });
    return *seconds;
}

LatentPath find_latent_path(const MakeModel& make, const Description& description) {
    for (const char* name : {"encode", "decode", "forward"}) {
        if (!description.find(name))
            return {false, "the model has no method " + std::string(name)};
    }
    const std::string problem =
        shape_problem(description.find("encode")->shape, description.find("decode")->shape,
                      description.find("forward")->shape);
    if (!problem.empty())
        return {false, problem};
    const auto difference = std::make_shared<double>(0);
    try {
        run_apart("comparing encode and decode to forward", patience(),
                  [=] { *difference = compare(make, description); });
    } catch (const std::exception& error) {
        return {false, error.what()};
    }
    if (*difference > kTolerance) {
        char line[120];
        std::snprintf(line, sizeof(line),
                      "decode(encode(x)) differs from forward(x) by %.2g of its peak", *difference);
        return {false, line};
    }
    return {true, ""};
}

}  // namespace timbrel
