// How one model takes over from another: without a gap, without a click, and with its past.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include "stage.h"

using namespace timbrel;
using namespace timbrel::test;

namespace {

// The steepest step of an equal-power crossfade between two constants.
float steepest(float from, float to) {
    return static_cast<float>(std::numbers::pi / 2 / Stage::kCrossfade * std::hypot(from, to));
}

// Plays ones until `swaps` models have taken over, and a little longer.
void play_until_swapped(Stage& stage, uint64_t swaps, Signal& out) {
    const auto play_on = [&](int length) {
        const Signal more = stage.play(length);
        out.insert(out.end(), more.begin(), more.end());
    };
    while (stage.stream->report().swaps < swaps)
        play_on(Stage::kVector);
    play_on(8 * Stage::kVector);
}

}  // namespace

TEST_CASE("200 swaps while a stream plays: no gap, no jump, every model heard, none left behind") {
    const int before = Instrument::alive;
    {
        Stage stage;
        stage.stream->set_offline(false);
        stage.shelve("soft", file_of("soft", {.level = 0.5F}));
        stage.shelve("loud", file_of("loud", {.level = 0.75F}));
        stage.prepare();
        stage.stream->load("soft");
        stage.settle();
        Signal out = stage.play(16 * Stage::kVector);
        const size_t begun = out.size();
        REQUIRE(out.back() == 0.5F);
        for (uint64_t swap = 1; swap <= 200; ++swap) {
            const bool loud = swap % 2;
            stage.stream->load(loud ? "loud" : "soft");
            play_until_swapped(stage, swap, out);
            CHECK(out.back() == (loud ? 0.75F : 0.5F));
            // One plays, and one may be on its way out.
            while (Instrument::alive > before + 2)
                stage.play(Stage::kVector);
        }
        out.erase(out.begin(), out.begin() + static_cast<ptrdiff_t>(begun));
        CHECK(*std::min_element(out.begin(), out.end()) >= 0.5F);
        CHECK(*std::max_element(out.begin(), out.end()) <= std::hypot(0.5F, 0.75F) + 1e-5F);
        CHECK(largest_step(out) <= steepest(0.5F, 0.75F));
        CHECK(stage.stream->report().late == 0);
        CHECK(stage.stream->report().skipped == 0);
        CHECK(stage.said().find("error") == std::string::npos);
    }
    CHECK(Instrument::alive == before);
}

TEST_CASE("a model that takes over has heard the past: it goes on as if it had always played") {
    Stage stage;
    stage.shelve("through", file_of("through", {}));
    stage.shelve("sum", file_of("sum", {.sums = true}));
    stage.prepare();
    stage.stream->load("through");
    const Signal in(40 * Stage::kVector, 1.0F / 1024);
    stage.play(in);
    stage.stream->load("sum");
    const Signal out = stage.play(in);
    const int latency = stage.stream->latency().total();
    // All of the past lies within the second that it is given to hear.
    for (size_t i = Stage::kCrossfade + Stage::kVector; i < out.size(); ++i) {
        const auto heard = static_cast<float>(in.size() + i + 1) - static_cast<float>(latency);
        CHECK(out[i] == heard / 1024);
    }
    CHECK(stage.stream->report().swaps == 1);
}

TEST_CASE("reloading crossfades along a straight line, and two alike are one sound") {
    Stage stage;
    stage.shelve("sum", file_of("sum", {.sums = true}));
    stage.prepare();
    stage.stream->load("sum");
    const Signal in(40 * Stage::kVector, 1.0F / 1024);
    const Signal first = stage.play(in);
    stage.stream->reload();
    const Signal second = stage.play(in);
    CHECK(stage.stream->report().swaps == 1);
    for (size_t i = 0; i < second.size(); ++i) {
        const float expected = first.back() + static_cast<float>(i + 1) / 1024;
        CHECK(second[i] == doctest::Approx(expected).epsilon(1e-6));
    }
}

TEST_CASE("what is rendered offline with swaps is complete, and the same each time, to the bit") {
    const auto render = [] {
        Stage stage;
        stage.shelve("a", file_of("a", {.level = 0.5F}));
        stage.shelve("b", file_of("b", {.sums = true}));
        stage.prepare();
        stage.stream->load("a");
        Signal out;
        for (int i = 0; i < 40; ++i) {
            const Signal part = stage.play(noise(700, static_cast<unsigned>(i)));
            out.insert(out.end(), part.begin(), part.end());
            switch (i % 5) {
                case 0:
                    stage.stream->load(i % 2 ? "a" : "b");
                    stage.stream->set("gain", {i / 64.0});
                    break;
                case 1:
                    stage.stream->set("gain", {1 + i / 64.0});
                    break;
                case 2:
                    stage.stream->buffer(64 * (i % 3 + 1));
                    break;
                case 3:
                    stage.stream->reload();
                    stage.stream->seed(static_cast<uint64_t>(i));
                    break;
                default:
                    stage.stream->reset();
            }
        }
        CHECK(stage.stream->report().swaps > 20);
        CHECK(stage.stream->report().late == 0);
        CHECK(stage.stream->report().skipped == 0);
        return out;
    };
    const Signal first = render();
    for (int i = 0; i < 3; ++i)
        CHECK(render() == first);
}

TEST_CASE("the latency that is stated after a swap is the one that is measured") {
    Stage stage;
    stage.shelve("through", file_of("through", {}));
    stage.prepare();
    stage.stream->load("through");
    stage.play(1024, 0);
    for (const int buffer : {128, 64, 1024, 0, 192, 16384, 64}) {
        CAPTURE(buffer);
        stage.stream->buffer(buffer);
        // Until the old one, which is heard for longer with a large new one, is gone.
        const uint64_t swaps = stage.stream->report().swaps;
        for (int i = 0; i < 100 && (i < 10 || stage.stream->report().swaps == swaps); ++i)
            stage.play(1024, 0);
        const int latency = stage.stream->latency().total();
        CHECK(stage.stream->loaded()->settings.buffer == buffer);
        const Signal out = stage.play(impulse(64 * (latency / 64 + 2), 5));
        for (size_t i = 0; i < out.size(); ++i)
            CHECK(out[i] == (static_cast<int>(i) == latency + 5 ? 1.0F : 0.0F));
    }
}

TEST_CASE("with less slack the model is heard earlier") {
    Stage stage;
    stage.shelve("through", file_of("through", {}));
    stage.prepare();
    stage.stream->load("through");
    stage.play(1024, 0);
    CHECK(stage.stream->latency().total() == 64);
    stage.stream->slack(4);
    stage.play(1024, 0);
    CHECK(stage.stream->latency().total() == 16);
    CHECK(stage.stream->latency().sample_rate == Stage::kRate);
    const Signal out = stage.play(impulse(640, 0));
    CHECK(out[16] == 1.0F);
}

TEST_CASE("where both models at once are too much, one fades out before the other fades in") {
    Stage stage;
    stage.stream->set_offline(false);
    stage.shelve("soft", file_of("soft", {.level = 0.5F}));
    auto heavy = file_of("heavy", {.level = 0.75F});
    heavy->warm = [](const std::string&, int, int) { return 1e6; };
    stage.shelve("heavy", heavy);
    stage.prepare();
    stage.stream->load("soft");
    stage.settle();
    stage.play(1024);
    stage.said();
    stage.stream->load("heavy");
    stage.settle();
    const Signal out = stage.play(1024);
    CHECK(stage.said().find("notice both models at once would be too much") == 0);
    CHECK(out.back() == 0.75F);
    CHECK(stage.stream->report().swaps == 1);
    const auto silent = std::find(out.begin(), out.end(), 0.0F);
    const auto heard = std::find_if(silent, out.end(), [](float x) { return x != 0; });
    const auto whole = std::find(heard, out.end(), 0.75F);
    CHECK(silent - out.begin() <= Stage::kShortFade);
    CHECK(heard - silent <= Stage::kVector);  // it has heard the past, and is there at once
    CHECK(whole - heard == Stage::kShortFade - 1);
    CHECK(largest_step(out) <= 0.75F / Stage::kShortFade + 1e-6F);
}

TEST_CASE("latents go from one model's to the other's, and are never faded to nothing") {
    Stage stage;
    stage.stream->set_offline(false);
    const auto latent_file = [](float value, double seconds) {
        auto file = std::make_shared<FakePrototype>("latents", Shape{.out_ratio = 32}, 64, [value] {
            return std::make_unique<FakeModel>([value](const float*, float* out, int, int frames) {
                std::fill_n(out, frames / 32, value);
            });
        });
        file->warm = [seconds](const std::string&, int, int) { return seconds; };
        return file;
    };
    stage.shelve("low", latent_file(0.25F, 0));
    stage.shelve("high", latent_file(0.5F, 0));
    stage.shelve("highest", latent_file(0.75F, 1e6));  // after the other, not beside it
    stage.prepare();
    stage.stream->load("low");
    stage.settle();
    stage.play(1024);
    for (const char* next : {"high", "highest"}) {
        stage.stream->load(next);
        stage.settle();
        const Signal out = stage.play(1024);
        CHECK(std::is_sorted(out.begin(), out.end()));
        CHECK(out.front() >= 0.25F);
        CHECK(largest_step(out) <= 0.25F / Stage::kShortFade + 1e-6F);
    }
    CHECK(stage.play(64).back() == 0.75F);
}

TEST_CASE("a model of other channels than the object's plays on what there is, and says so") {
    Stage stage({2, 2, 1});
    stage.shelve("stereo", file_of("stereo", {.shape = {2, 1, 2, 1}}));
    stage.shelve("mono", file_of("mono", {}));
    stage.shelve("many", file_of("many", {.shape = {3, 1, 4, 1}}));
    stage.prepare();
    Signal left = noise(1024, 1), right = noise(1024, 2);
    const auto play = [&](int latency) {
        Signal out[] = {Signal(1024), Signal(1024)};
        for (int from = 0; from < 1024; from += 64) {
            const float* inputs[] = {left.data() + from, right.data() + from};
            float* outputs[] = {out[0].data() + from, out[1].data() + from};
            stage.stream->process_blocking(inputs, outputs, 64);
        }
        // The last block, undelayed.
        return std::pair{Signal(out[0].end() - 64, out[0].end()) ==
                             Signal(left.end() - 64 - latency, left.end() - latency),
                         Signal(out[1].end() - 64, out[1].end()) ==
                             Signal(right.end() - 64 - latency, right.end() - latency)};
    };
    stage.stream->load("stereo");
    CHECK(play(64) == std::pair{true, true});
    CHECK(stage.said() == "loaded stereo forward\n");
    stage.stream->load("mono");
    CHECK(play(64) == std::pair{true, false});
    CHECK(stage.said() ==
          "notice mono has 1 inputs, the object 2: the others are not heard\n"
          "notice mono has 1 outputs, the object 2: the others are silent\n"
          "loaded mono forward\n");
    stage.stream->load("many");
    CHECK(play(64) == std::pair{true, true});
    CHECK(stage.said() ==
          "notice many has 3 inputs, the object 2: the others are silent\n"
          "notice many has 4 outputs, the object 2: the others are not heard\n"
          "loaded many forward\n");
}

TEST_CASE(
    "an object that has room for more channels than a model has is told of missing ones alone") {
    Stage stage({2, 2, 1, true});
    stage.shelve("mono", file_of("mono", {}));
    stage.shelve("many", file_of("many", {.shape = {3, 1, 2, 1}}));
    stage.prepare();
    stage.stream->load("mono");
    stage.settle();
    CHECK(stage.said() == "loaded mono forward\n");
    stage.stream->load("many");
    stage.settle();
    CHECK(stage.said() ==
          "notice many has 3 inputs, the object 2: the others are silent\n"
          "loaded many forward\n");
}

TEST_CASE("a layout that changes while a model is made ready neither loses nor confuses it") {
    Stage stage;
    stage.stream->set_offline(false);
    const auto gate = std::make_shared<Gate>();
    auto slow = file_of("slow", {.level = 0.75F});
    slow->warm = [gate](const std::string&, int, int) {
        gate->pass();
        return 0.0;
    };
    stage.shelve("soft", file_of("soft", {.level = 0.5F}));
    stage.shelve("slow", slow);
    stage.stream->load("soft");
    stage.prepare();
    stage.settle();
    stage.play(1024);
    for (int round = 0; round < 20; ++round) {
        stage.stream->load("slow");
        gate->wait_arrived(round + 1);
        stage.prepare(32 + 32 * (round % 2));
        stage.play(128);
        gate->open(1);
        stage.prepare(96 + 32 * (round % 3));
        stage.settle();
        if (round % 2)
            stage.prepare();
        CHECK(stage.play(2048).back() == 0.75F);
        CHECK(stage.stream->loaded()->settings.path == "slow");
        stage.stream->load("soft");
        stage.settle();
        CHECK(stage.play(2048).back() == 0.5F);
    }
}

TEST_CASE("while the host's audio is off, models come and go all the same, and none pile up") {
    const int before = Instrument::alive;
    Stage stage;
    stage.stream->set_offline(false);
    stage.shelve("soft", file_of("soft", {.level = 0.5F}));
    stage.shelve("loud", file_of("loud", {.level = 0.75F}));
    stage.stream->load("soft");
    stage.prepare();
    stage.settle();
    stage.play(1024);
    stage.said();
    for (int round = 0; round < 50; ++round) {
        stage.stream->load("loud");
        stage.settle();
        CHECK(stage.stream->loaded()->settings.path == "loud");
        CHECK(stage.said() == "loaded loud forward\n");
    }
    stage.pool.background().drain();
    CHECK(Instrument::alive - before <= 2);
    stage.stream->set("gain", {0.5});
    stage.stream->get("gain");
    stage.settle();
    CHECK(stage.said() == "attribute gain 0.500000\n");
    CHECK(stage.play(1024).back() == 0.375F);
}

TEST_CASE("a model whose first block fails is not played: the one before plays on, settings too") {
    Stage stage;
    stage.shelve("good", file_of("good", {.level = 0.5F}));
    // Nothing is there yet that it could be made ready with.
    stage.shelve(
        "bad",
        file_of("bad", {.on_block = [](int) { throw std::runtime_error("no such weight"); }}));
    stage.prepare();
    stage.stream->load("good");
    stage.stream->set_offline(false);
    stage.settle();
    stage.play(1024);
    stage.stream->reset();
    stage.play(32);
    stage.said();
    stage.stream->load("bad");
    stage.settle();
    Signal out;
    std::string said = stage.said();
    CHECK(said == "loaded bad forward\n");
    for (said.clear(); said.empty(); said = stage.said())
        out = stage.play(64);
    CHECK(said == "error bad is not played: no such weight; good plays on\nloaded good forward\n");
    CHECK(stage.stream->loaded()->settings.path == "good");
    CHECK(stage.play(1024).back() == 0.5F);
    CHECK(stage.stream->report().swaps == 0);
}

TEST_CASE("from nothing a model fades in; loaded before the first call, it is there at once") {
    Stage stage;
    stage.shelve("through", file_of("through", {}));
    stage.prepare();
    CHECK(stage.play(1024) == Signal(1024, 0.0F));
    stage.stream->load("through");
    const Signal out = stage.play(1024);
    CHECK(largest_step(out) <= 1.0F / Stage::kCrossfade + 1e-6F);
    CHECK(out.back() == 1.0F);

    Stage other;
    other.stream->open(file_of("through", {}), {.buffer = 64});
    other.prepare();
    CHECK(other.play(128)[64] == 1.0F);
}

TEST_CASE("a block larger than what a stream remembers swaps as well, after the time it takes") {
    Stage stage;
    stage.shelve("through", file_of("through", {}));
    stage.prepare();
    stage.stream->load("through");
    const Signal in = noise(60000, 1);
    stage.play(Signal(in.begin(), in.begin() + 12032));
    stage.stream->buffer(8192);  // two seconds
    const Signal out = stage.play(Signal(in.begin() + 12032, in.end()));
    const int latency = stage.stream->latency().total();
    CHECK(latency == 2 * 8192 - 64);
    CHECK(stage.stream->report().swaps == 1);
    CHECK(largest_step(Signal(out.end() - 64, out.end())) > 0);
    for (size_t i = out.size() - 8192; i < out.size(); ++i)
        CHECK(out[i] == in[12032 + i - static_cast<size_t>(latency)]);
    // And nothing was missing in between.
    int zeros = 0;
    for (const float sample : out)
        zeros += sample == 0;
    CHECK(zeros == 0);
}
