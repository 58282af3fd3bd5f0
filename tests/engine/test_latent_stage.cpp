// Latents moved by hand: what comes out is what the formula in latent_stage.h says, frame by frame.
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <thread>

#include "driver.h"
#include "latent_stage.h"

using namespace timbrel;
using namespace timbrel::test;
using Kind = LatentMove::Kind;

namespace {

// Frames of 10 samples, which last 10 ms.
constexpr double kRate = 1000;
constexpr int kFrame = 10;

Signal apply(LatentStage& stage, Signal latents, int64_t first_frame = 0) {
    const auto rows = static_cast<size_t>(stage.batch() * stage.latents());
    stage.apply(latents.data(), static_cast<int>(latents.size() / rows), first_frame);
    return latents;
}

void check_close(const Signal& out, const Signal& expected) {
    REQUIRE(out.size() == expected.size());
    for (size_t i = 0; i < out.size(); ++i) {
        CAPTURE(i);
        CHECK(out[i] == doctest::Approx(expected[i]).epsilon(1e-6));
    }
}

// One latent of one example that plays 1, 2, 3, …
Signal counting(const std::vector<LatentMove>& moves, int frames = 8) {
    LatentStage stage(1, 1, kRate, kFrame);
    Signal latents;
    for (int i = 1; i <= frames; ++i)
        latents.push_back(static_cast<float>(i));
    for (const LatentMove& move : moves)
        stage.move(move);
    return apply(stage, latents);
}

// All kinds of moves of two latents, at any time within 100 frames.
std::vector<LatentMove> many_moves() {
    std::vector<LatentMove> moves;
    const Signal random = noise(4 * 120, 5);
    for (size_t i = 0; i + 3 < random.size(); i += 4) {
        const auto kind = static_cast<Kind>(static_cast<int>(3 * (random[i] + 1)));
        float value = 2 * random[i + 1];
        if (kind == Kind::noise)
            value = std::abs(value);
        if (kind == Kind::freeze)
            value = value > 0;
        moves.push_back({.kind = kind,
                         .index = static_cast<int>(1.5F * (random[i + 2] + 1)) - 1,
                         .value = value,
                         .ms = 60 * random[i + 3],
                         .at = static_cast<int64_t>(i / 4) * 1000 / 120});
    }
    return moves;
}

}  // namespace

TEST_CASE("latents that nothing is asked of pass to the bit") {
    LatentStage stage(2, 3, kRate, kFrame);
    stage.seed(1);
    Signal latents = noise(60, 1);
    latents[7] = -0.0F;
    latents[8] = 1e-42F;
    latents[9] = std::numeric_limits<float>::infinity();
    const Signal out = apply(stage, latents);
    CHECK(out == latents);
    CHECK(std::signbit(out[7]));

    // Also after something was asked, and taken back.
    for (const Kind kind : {Kind::bias, Kind::noise, Kind::set, Kind::freeze}) {
        stage.move({.kind = kind, .value = 1, .ms = 30, .at = 100});
        stage.move({.kind = kind, .value = 0, .ms = 0, .at = 150});
    }
    stage.move({.kind = Kind::release, .ms = 0, .at = 150});
    CHECK(apply(stage, latents, 10) != latents);
    CHECK(apply(stage, latents, 20) == latents);
}

TEST_CASE("what is set is held, and released to the encoder's value") {
    check_close(
        counting({{.value = 5, .ms = 0, .at = 20}, {.kind = Kind::release, .ms = 0, .at = 50}}),
        {1, 2, 5, 5, 5, 6, 7, 8});
}

TEST_CASE("a ramp leaves the value of the frame before, and goes along a straight line") {
    // 40 ms are four frames: a quarter of the way in each.
    check_close(counting({{.value = 10, .ms = 40, .at = 20}}), {1, 2, 4, 6, 8, 10, 10, 10});
    // On the way back, the line ends at what the encoder gives by then.
    check_close(
        counting({{.value = 10, .ms = 0, .at = 0}, {.kind = Kind::release, .ms = 40, .at = 20}}),
        {10, 10, 10 - 7 / 4.0F, 10 - 6 / 2.0F, 10 - 5 * 0.75F, 6, 7, 8});
    // A time that is no multiple of a frame's: 0.4, 0.8, then there.
    check_close(counting({{.value = 12, .ms = 25, .at = 20}}), {1, 2, 6, 10, 12, 12, 12, 12});
    // Another one takes over on the way.
    check_close(counting({{.value = 10, .ms = 40, .at = 20}, {.value = 0, .ms = 20, .at = 40}}),
                {1, 2, 4, 6, 3, 0, 0, 0});
}

TEST_CASE("without a time a move takes 20 ms, or the next frame where frames are longer") {
    check_close(counting({{.value = 10, .at = 20}}), {1, 2, 6, 10, 10, 10, 10, 10});
    LatentStage stage(1, 1, 44100, 2048);
    stage.move({.value = 10});
    CHECK(apply(stage, {1, 1}) == Signal{10, 10});
}

TEST_CASE("scale comes before bias, both along a ramp of their own") {
    check_close(counting({{.kind = Kind::scale, .value = 3, .ms = 20, .at = 20},
                          {.kind = Kind::bias, .value = 10, .ms = 40, .at = 40}}),
                {1, 2, 2 * 3, 3 * 4, 3 * 5 + 2.5F, 3 * 6 + 5, 3 * 7 + 7.5F, 3 * 8 + 10});
}

TEST_CASE("what is frozen holds what was there, a value on its way included") {
    check_close(counting({{.kind = Kind::freeze, .value = 1, .at = 20},
                          {.kind = Kind::freeze, .value = 0, .ms = 20, .at = 50}}),
                {1, 2, 3, 3, 3, 4.5F, 7, 8});
    check_close(counting({{.value = 0, .ms = 0, .at = 0},
                          {.kind = Kind::release, .ms = 40, .at = 20},
                          {.kind = Kind::freeze, .value = 1, .at = 30}}),
                {0, 0, 0.75F, 2, 2, 2, 2, 2});
}

TEST_CASE("what is set goes before what is frozen, which is there when it is released") {
    check_close(counting({{.kind = Kind::freeze, .value = 1, .at = 10},
                          {.value = 9, .ms = 0, .at = 30},
                          {.kind = Kind::release, .ms = 0, .at = 50},
                          {.kind = Kind::freeze, .value = 0, .ms = 0, .at = 70}}),
                {1, 2, 2, 9, 9, 2, 2, 8});
}

TEST_CASE("bias and scale act on what is frozen or set") {
    check_close(counting({{.kind = Kind::freeze, .value = 1, .at = 10},
                          {.kind = Kind::bias, .value = 1, .ms = 0, .at = 30},
                          {.kind = Kind::scale, .value = 10, .ms = 0, .at = 50}}),
                {1, 2, 2, 3, 3, 21, 21, 21});
}

TEST_CASE("each latent of each example goes its own way") {
    LatentStage stage(2, 2, kRate, kFrame);
    stage.move({.kind = Kind::freeze, .index = 1, .value = 1});
    stage.move({.kind = Kind::bias, .index = 0, .value = 100, .ms = 0, .at = 10});
    CHECK(apply(stage, {1, 2, 3, 4, 5, 6, 7, 8}) == Signal{1, 102, 3, 3, 5, 106, 7, 7});
    CHECK(stage.last() == Signal{102, 3, 106, 7});
    stage.move({.kind = Kind::set, .value = -1, .ms = 0, .at = 20});
    CHECK(apply(stage, {1, 2, 3, 4}, 2) == Signal{99, -1, 99, -1});
}

TEST_CASE("a move acts on the frame that covers its sample, or on the next that is computed") {
    const Signal zeros(4);
    for (const int64_t at : {40, 45, 49}) {
        LatentStage stage(1, 1, kRate, kFrame);
        stage.move({.value = 1, .at = at});
        stage.move({.kind = Kind::bias, .value = 1, .ms = 0, .at = 70});
        CHECK(apply(stage, zeros, 0) == zeros);
        CHECK(apply(stage, zeros, 4) == Signal{0.5F, 1, 1, 2});
    }
    LatentStage stage(1, 1, kRate, kFrame);
    stage.move({.value = 1, .ms = 0, .at = 10});  // in frames that were skipped
    CHECK(apply(stage, zeros, 8) == Signal(4, 1));

    // Frames of 7.35 samples, as where the rate is converted.
    LatentStage uneven(1, 1, kRate, 7.35);
    uneven.move({.value = 1, .ms = 0, .at = 22});
    CHECK(apply(uneven, zeros) == Signal{0, 0, 1, 1});
}

TEST_CASE("a ramp goes on while frames are skipped") {
    LatentStage stage(1, 1, kRate, kFrame);
    stage.move({.value = 8, .ms = 80});
    check_close(apply(stage, {0, 0}), {1, 2});
    check_close(apply(stage, {0, 0}, 5), {6, 7});
}

TEST_CASE("of moves of one kind that share a frame the last one counts") {
    check_close(counting({{.value = 50, .ms = 0, .at = 21},
                          {.kind = Kind::bias, .value = 1, .ms = 0, .at = 22},
                          {.value = 10, .ms = 40, .at = 23}}),
                {1, 2, 5, 7, 9, 11, 11, 11});
}

TEST_CASE("any partition into blocks gives the same, to the bit") {
    const Signal latents = noise(2 * 3 * 100, 2);
    const auto play = [&](const std::vector<int>& sizes) {
        LatentStage stage(2, 3, kRate, kFrame);
        stage.seed(7);
        for (const LatentMove& move : many_moves())
            stage.move(move);
        Signal out(latents.size());
        int from = 0;
        for (size_t call = 0; from < 100; ++call) {
            const int frames = std::min(100 - from, sizes[call % sizes.size()]);
            Signal block;
            for (int row = 0; row < 6; ++row) {
                const auto begin = latents.begin() + row * 100 + from;
                block.insert(block.end(), begin, begin + frames);
            }
            block = apply(stage, block, from);
            for (int row = 0; row < 6; ++row)
                std::copy_n(block.begin() + row * frames, frames, out.begin() + row * 100 + from);
            from += frames;
        }
        return out;
    };
    const Signal whole = play({100});
    CHECK(largest_step(whole) > 0.5F);
    for (const auto& sizes : std::vector<std::vector<int>>{{1}, {7}, {64}, {3, 1, 20}})
        CHECK(play(sizes) == whole);
}

TEST_CASE("the noise of a seed is the formula's, for ever") {
    // Computed apart from this code, with Python's integers.
    CHECK(LatentStage::normal(0, 0, 0, 0) == doctest::Approx(-1.0057519641895665).epsilon(1e-6));
    CHECK(LatentStage::normal(1, 0, 0, 0) == doctest::Approx(0.2940666105783734).epsilon(1e-6));
    CHECK(LatentStage::normal(0, 1, 0, 0) == doctest::Approx(-0.6203456385891719).epsilon(1e-6));
    CHECK(LatentStage::normal(0, 0, 1, 0) == doctest::Approx(-0.542287400643838).epsilon(1e-6));
    CHECK(LatentStage::normal(0, 0, 0, 1) == doctest::Approx(0.19078708437141037).epsilon(1e-6));
    CHECK(LatentStage::normal(123456789, 3, 7, 1000000) ==
          doctest::Approx(1.1952195243561303).epsilon(1e-6));
}

TEST_CASE("noise is standard normal, and white over frames, latents and examples") {
    LatentStage stage(2, 2, kRate, kFrame);
    stage.seed(3);
    stage.move({.kind = Kind::noise, .value = 2, .ms = 0});
    const int frames = 20000;
    const Signal out = apply(stage, Signal(4 * frames));
    const auto mean = [&](const std::function<double(size_t)>& term) {
        double sum = 0;
        for (size_t i = 0; i < frames - 1; ++i)
            sum += term(i);
        return sum / (frames - 1);
    };
    for (size_t a = 0; a < 4; ++a) {
        const float* row = &out[a * frames];
        // Five standard errors of each.
        CHECK(mean([&](size_t i) { return row[i]; }) == doctest::Approx(0).scale(1).epsilon(0.071));
        CHECK(mean([&](size_t i) { return row[i] * row[i]; }) == doctest::Approx(4).epsilon(0.05));
        CHECK(mean([&](size_t i) { return std::pow(row[i], 4); }) ==
              doctest::Approx(3 * 16).epsilon(0.12));
        CHECK(mean([&](size_t i) { return row[i] * row[i + 1] / 4; }) ==
              doctest::Approx(0).scale(1).epsilon(0.036));
        for (size_t b = 0; b < a; ++b) {
            CHECK(mean([&](size_t i) { return row[i] * out[b * frames + i] / 4; }) ==
                  doctest::Approx(0).scale(1).epsilon(0.036));
        }
    }
}

TEST_CASE("noise begins anew with a reset, and only then") {
    LatentStage stage(1, 1, kRate, kFrame);
    stage.seed(11);
    stage.move({.kind = Kind::noise, .value = 0.5F, .ms = 0});
    const Signal zeros(50);
    const Signal first = apply(stage, zeros), second = apply(stage, zeros, 50);
    CHECK(first != second);
    CHECK(first[3] == 0.5F * LatentStage::normal(11, 0, 0, 3));
    stage.reset();
    CHECK(apply(stage, zeros, 100) == first);
    CHECK(apply(stage, zeros, 150) == second);
    stage.seed(12);
    stage.reset();
    CHECK(apply(stage, zeros, 200) != first);
}

TEST_CASE("a value that is not a number is never held") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    LatentStage stage(1, 1, kRate, kFrame);
    stage.move({.kind = Kind::freeze, .value = 1});
    CHECK(apply(stage, {nan, 1}) == Signal{0, 0});
    LatentStage ramped(1, 1, kRate, kFrame);
    apply(ramped, {nan});
    ramped.move({.value = 4, .ms = 40, .at = 10});
    CHECK(apply(ramped, Signal(4, 1), 1) == Signal{1, 2, 3, 4});
}

TEST_CASE("positions that begin again end all ramps, and what waits acts at once") {
    LatentStage stage(1, 1, kRate, kFrame);
    stage.move({.value = 10, .ms = 1000});
    stage.move({.kind = Kind::bias, .value = 1, .ms = 0, .at = 5000});
    apply(stage, Signal(5));
    stage.restart(2 * kRate, kFrame);
    CHECK(apply(stage, Signal(3)) == Signal(3, 11));
    // Frames last half as long now.
    stage.move({.value = 0, .ms = 20, .at = 30});
    CHECK(apply(stage, Signal(4), 3) == Signal{8.5F, 6, 3.5F, 1});
}

TEST_CASE("a stage that adopts another's settings goes on like it") {
    LatentStage one(2, 2, kRate, kFrame);
    one.seed(5);
    for (const LatentMove& move : many_moves())
        one.move(move);
    apply(one, noise(400, 3));
    one.move({.kind = Kind::freeze, .index = 0, .value = 1, .at = 1000});
    one.move({.kind = Kind::set, .index = 1, .value = 0.3F, .at = 1000});
    one.move({.kind = Kind::noise, .index = 1, .value = 0.1F, .at = 1000});
    const Signal latents = noise(400, 4);
    apply(one, latents, 100);

    LatentStage other(2, 2, kRate, kFrame);
    other.seed(5);
    other.adopt(one.settings());
    CHECK(other.settings() == one.settings());
    CHECK(apply(other, latents, 200) == apply(one, latents, 200));
    one.move({.kind = Kind::freeze, .value = 0, .at = 3000});
    other.move({.kind = Kind::freeze, .value = 0, .at = 3000});
    CHECK(apply(other, latents, 300) == apply(one, latents, 300));
}

TEST_CASE("settings are what was asked, also before a frame has been computed") {
    LatentStage stage(2, 2, kRate, kFrame);
    const LatentSettings neutral = stage.settings();
    CHECK(neutral == LatentSettings{{{}, {}}});
    stage.move({.kind = Kind::set, .index = 1, .value = 4, .ms = 500, .at = 900});
    stage.move({.kind = Kind::freeze, .index = 0, .value = 1, .at = 900});
    LatentSettings asked{{{.frozen = true}, {.set = 4.0F}}};
    CHECK(stage.settings() == asked);

    // Another stage, in which nothing was frozen yet, freezes what it sees first.
    LatentStage other(2, 2, kRate, kFrame);
    other.adopt(stage.settings());
    CHECK(apply(other, {1, 2, 0, 0, 5, 6, 0, 0}, 40) == Signal{1, 1, 4, 4, 5, 5, 4, 4});
    asked.latents[0].frozen_at = {1, 5};
    CHECK(other.settings() == asked);
    other.move({.kind = Kind::freeze, .value = 0});
    other.move({.kind = Kind::release});
    CHECK(other.settings() == neutral);
}

TEST_CASE("other threads read settings and values while frames are computed") {
    LatentStage stage(2, 1, kRate, kFrame);
    std::atomic<bool> done{false};
    std::thread reader([&] {
        while (!done) {
            const LatentSettings settings = stage.settings();
            const Signal last = stage.last();
            CHECK(settings.latents[0].bias == std::floor(settings.latents[0].bias));
            CHECK(last[1] == std::floor(last[1]));
        }
    });
    for (int64_t i = 0; i < 2000; ++i) {
        stage.move({.kind = Kind::bias, .value = static_cast<float>(i), .ms = 0, .at = 10 * i});
        stage.move(
            {.kind = Kind::freeze, .value = static_cast<float>(i % 2), .ms = 0, .at = 10 * i});
        Signal latents{static_cast<float>(i), 3};
        stage.apply(latents.data(), 1, i);
    }
    done = true;
    reader.join();
    CHECK(stage.last() == Signal{1999 + 1999, 3 + 1999});
}

TEST_CASE("a move that makes no sense is refused with a line that says why") {
    const auto line = [](const LatentMove& move, int latents = 8) -> std::string {
        try {
            timbrel::check(move, latents);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    };
    const float infinity = std::numeric_limits<float>::infinity();
    CHECK(line({.index = 7, .value = -1e6F, .ms = 0}) == "");
    CHECK(line({.kind = Kind::freeze, .index = -1, .value = 1}) == "");
    CHECK(line({.index = 8}) ==
          "latent set: there is no latent 8; choose from 0 to 7, or -1 for all");
    CHECK(line({.kind = Kind::bias, .index = -2}) ==
          "latent bias: there is no latent -2; choose from 0 to 7, or -1 for all");
    CHECK(line({.kind = Kind::release, .index = 0}, 0) ==
          "latent release: the model has no latents");
    CHECK(line({.kind = Kind::scale, .value = infinity}) ==
          "latent scale: inf is no value for a latent; choose from -1000000 to 1000000");
    CHECK(line({.value = std::nanf("")}) != "");
    CHECK(line({.value = 2e6F}) != "");
    CHECK(line({.kind = Kind::noise, .value = -0.5F}) ==
          "latent noise: -0.5 is below 0; noise takes its standard deviation");
    CHECK(line({.kind = Kind::freeze, .value = 0.5F}) == "latent freeze: 0.5 is neither 0 nor 1");
    CHECK(line({.ms = 1e9}) ==
          "latent set: 1e+09 ms is no time for a ramp; choose from 0 to 3600000");
    CHECK(line({.ms = std::nan("")}) != "");
}
