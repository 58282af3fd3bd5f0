// Instances of one file on threads of their own, as workers play them; and what ThreadSanitizer
// sees of that, although libtorch itself was not built for it.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "models.h"

namespace {

constexpr int kThreads = 3, kRounds = 20, kBlock = 512;

// All that a worker and a loader ask of a model.
std::vector<float> rounds(timbrel::Prototype& prototype) {
    const auto model = prototype.instantiate({});
    model->seed(7);
    std::vector<float> output, heard;
    for (int round = 0; round < kRounds; ++round) {
        if (round % 5 == 4)
            model->reset();
        output = play(*model, std::vector<float>(kBlock, 0.25F));
        heard.insert(heard.end(), output.begin(), output.end());
    }
    return heard;
}

// Plays as well, and counts without any care.
class Careless : public timbrel::Model {
  public:
    explicit Careless(std::unique_ptr<timbrel::Model> model) : model_(std::move(model)) {}
    void compute(const std::string& method, const float* in, float* out, int batch,
                 int frames) override {
        model_->compute(method, in, out, batch, frames);
        blocks = blocks + 1;
    }
    void reset() override { model_->reset(); }

    static inline volatile int blocks = 0;

  private:
    const std::unique_ptr<timbrel::Model> model_;
};

template <typename Action>
void on_threads(const Action& action) {
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back([&action, i] { action(i); });
    for (std::thread& thread : threads)
        thread.join();
}

}  // namespace

TEST_CASE("instances that play at once, while more are made, play what each plays alone") {
    for (const char* name : {"instrument", "stochastic", "nested"}) {
        const auto prototype = load(name);
        const std::vector<float> alone = rounds(*prototype);
        std::vector<std::vector<float>> heard(kThreads);
        on_threads([&](int i) { heard[static_cast<size_t>(i)] = rounds(*prototype); });
        for (const std::vector<float>& each : heard)
            CHECK(each == alone);
    }
}

TEST_CASE("files are loaded on several threads at once") {
    std::atomic<int> played{0};
    on_threads([&](int i) {
        const auto model = instance(i == 0 ? "filter" : "draws");
        played += static_cast<int>(play(*model, std::vector<float>(64)).size());
    });
    CHECK(played == kThreads * 64);
}

// Only under ThreadSanitizer, which has to speak of it: see CMakeLists.txt.
TEST_CASE("a planted race beside torch's own work" * doctest::skip()) {
    const auto prototype = load("filter");
    on_threads([&](int) {
        Careless model(prototype->instantiate({}));
        for (int round = 0; round < kRounds; ++round)
            play(model, std::vector<float>(kBlock, 0.25F));
    });
    CHECK(Careless::blocks > 0);
}
