// Networks that do what a test tells them, when it tells them.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "model.h"

namespace timbrel::test {

// Lets a test decide when a block may be computed, without a clock.
class Gate {
  public:
    void open(int blocks) {
        const std::lock_guard lock(mutex_);
        permits_ += blocks;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        ++arrived_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return permits_ > 0; });
        --permits_;
    }
    // Until so many blocks have come to the gate.
    void wait_arrived(int blocks) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return arrived_ >= blocks; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int permits_ = 0, arrived_ = 0;
};

class FakeModel : public Model {
  public:
    using Compute = std::function<void(const float*, float*, int batch, int frames)>;

    explicit FakeModel(Compute compute) : compute_(std::move(compute)) {}
    FakeModel(Compute compute, std::function<void()> reset)
        : compute_(std::move(compute)), reset_(std::move(reset)) {}

    void compute(const std::string&, const float* input, float* output, int batch,
                 int frames) override {
        compute_(input, output, batch, frames);
    }
    void reset() override {
        if (reset_)
            reset_();
    }

  private:
    Compute compute_;
    std::function<void()> reset_;
};

// A file that makes whatever instances a test wants.
class FakePrototype : public Prototype {
  public:
    using Make = std::function<std::unique_ptr<Model>()>;

    FakePrototype(std::string name, Shape shape, int unit, Make make) : make_(std::move(make)) {
        description_.name = std::move(name);
        description_.max_ratio = unit;
        description_.methods.push_back({.name = "forward", .shape = shape});
    }

    const Description& description() const override { return description_; }
    std::unique_ptr<Model> instantiate(const Placement&) const override { return make_(); }
    double warm_up(const std::string& method, int batch, int frames,
                   const Placement&) const override {
        return warm ? warm(method, batch, frames) : 0;
    }
    LatentPath latent_path() const override { return latents; }

    Description& describe() { return description_; }
    std::function<double(const std::string& method, int batch, int frames)> warm;
    LatentPath latents;

  private:
    Make make_;
    Description description_;
};

inline std::unique_ptr<Model> identity(int channels = 1) {
    return std::make_unique<FakeModel>([=](const float* in, float* out, int batch, int frames) {
        std::copy_n(in, static_cast<size_t>(batch) * channels * frames, out);
    });
}

// The mean of each group of `ratio` is not what a method sees: it gets the last sample. So a model
// that hands its input through shows which sample was taken.
inline std::unique_ptr<Model> hand_through(int in_ratio, int out_ratio) {
    return std::make_unique<FakeModel>([=](const float* in, float* out, int, int frames) {
        for (int i = 0; i < frames / out_ratio; ++i)
            out[i] = in[i * out_ratio / in_ratio];
    });
}

}  // namespace timbrel::test
