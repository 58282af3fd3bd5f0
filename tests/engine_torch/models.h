// The model files that make_models.py has written.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "model.h"
#include "torch/torch_model.h"

inline std::string model_path(const std::string& name) {
    return std::string(TIMBREL_TEST_MODELS) + "/" + name + ".ts";
}

inline std::shared_ptr<timbrel::Prototype> load(const std::string& name) {
    return timbrel::load_torch_model(model_path(name));
}

inline std::unique_ptr<timbrel::Model> instance(const std::string& name) {
    return load(name)->instantiate({});
}

// One block of a method with as many channels as the file says.
inline std::vector<float> play(timbrel::Model& model, const std::vector<float>& input,
                               int batch = 1) {
    std::vector<float> output(input.size());
    model.compute("forward", input.data(), output.data(), batch,
                  static_cast<int>(input.size()) / batch);
    return output;
}

// What `action` throws; empty where it does not.
template <typename Action>
std::string line_of(const Action& action) {
    try {
        action();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

inline std::string load_error(const std::string& name) {
    return line_of([&] { load(name); });
}

inline std::vector<float> read_floats(const std::string& name) {
    std::ifstream file(std::string(TIMBREL_TEST_MODELS) + "/" + name, std::ios::binary);
    std::vector<float> floats(
        std::filesystem::file_size(std::string(TIMBREL_TEST_MODELS) + "/" + name) / sizeof(float));
    file.read(reinterpret_cast<char*>(floats.data()),
              static_cast<std::streamsize>(floats.size() * sizeof(float)));
    return floats;
}
