// Each stream draws its own random numbers, whatever is drawn beside it.
#include <doctest/doctest.h>

#include <thread>

#include "models.h"

namespace {

constexpr int kFrames = 256;
constexpr int kBlocks = 8;

std::vector<float> blocks(timbrel::Model& model) {
    std::vector<float> all;
    for (int i = 0; i < kBlocks; ++i) {
        const std::vector<float> block = play(model, std::vector<float>(kFrames));
        all.insert(all.end(), block.begin(), block.end());
    }
    return all;
}

}  // namespace

TEST_CASE("a seeded stream draws what torch draws after the same seed") {
    for (const std::string name : {"stochastic", "draws"}) {
        const auto model = instance(name);
        model->seed(7);
        const std::vector<float> expected = read_floats(name + ".expected");
        CHECK(blocks(*model) == expected);
        model->reset();
        CHECK(blocks(*model) == expected);
        model->seed(8);
        CHECK(blocks(*model) != expected);
    }
}

TEST_CASE("four concurrent seeded streams equal their solo runs") {
    const auto prototype = load("draws");
    std::vector<std::vector<float>> solo(4), together(4);
    std::vector<std::unique_ptr<timbrel::Model>> models;
    for (uint64_t i = 0; i < 4; ++i) {
        models.push_back(prototype->instantiate({}));
        models[i]->seed(100 + i);
        solo[i] = blocks(*models[i]);
        models[i]->reset();
    }
    std::vector<std::thread> threads;
    for (size_t i = 0; i < 4; ++i)
        threads.emplace_back([&, i] { together[i] = blocks(*models[i]); });
    for (std::thread& thread : threads)
        thread.join();
    for (size_t i = 0; i < 4; ++i) {
        CHECK(together[i] == solo[i]);
        CHECK(solo[i] != solo[(i + 1) % 4]);
    }
}

TEST_CASE("a stream without a seed draws other numbers each time") {
    const auto prototype = load("stochastic");
    const auto first = prototype->instantiate({}), second = prototype->instantiate({});
    const std::vector<float> one = blocks(*first);
    CHECK(one != blocks(*second));
    first->reset();
    CHECK(one != blocks(*first));
    first->seed(3);
    const std::vector<float> seeded = blocks(*first);
    first->seed(std::nullopt);
    CHECK(seeded != blocks(*first));
}

TEST_CASE("examples that are computed apart draw numbers of their own") {
    const auto prototype = load("noisy_for_one");
    prototype->warm_up("forward", 3, kFrames, {});
    const auto model = prototype->instantiate({});
    model->seed(5);
    const std::vector<float> silence(3 * kFrames);
    const std::vector<float> batch = play(*model, silence, 3);
    const auto example = [&](int i) {
        return std::vector<float>(batch.begin() + i * kFrames, batch.begin() + (i + 1) * kFrames);
    };
    CHECK(example(0) != example(1));
    CHECK(example(1) != example(2));
    model->reset();
    CHECK(play(*model, silence, 3) == batch);
    const auto alone = prototype->instantiate({});
    alone->seed(5);
    CHECK(play(*alone, std::vector<float>(kFrames)) == example(0));
}
