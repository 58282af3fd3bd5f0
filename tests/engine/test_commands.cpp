// What a stream is told while it plays: what belongs together, what survives, what fails, and who
// does not wait.
#include <doctest/doctest.h>

#include <chrono>

#include "stage.h"

using namespace timbrel;
using namespace timbrel::test;

namespace {

const auto kHours = std::chrono::hours(1);

struct Duet : Stage {
    Duet() {
        shelve("a", file_of("a", {.level = 0.5F}));
        shelve("b", file_of("b", {.level = 0.75F}));
        prepare();
        stream->load("a");
        play(1024);
        said();
    }
};

// A file that takes until the gate opens to be opened.
void shelve_gated(Stage& stage, const std::string& path, std::shared_ptr<Gate> gate) {
    stage.shelve(path, [=] {
        gate->pass();
        return file_of(path, {.level = 2});
    });
}

}  // namespace

TEST_CASE("what follows a load is meant for what is loaded, and ends in what was asked for") {
    Duet stage;
    const auto gate = std::make_shared<Gate>();
    stage.shelve("b", [gate] {
        gate->pass();
        return file_of("b", {.level = 0.75F});
    });
    stage.stream->load("b");
    stage.stream->method("encode");
    stage.stream->buffer(200);
    stage.stream->set("gain", {0.25});
    stage.stream->slack(0);
    stage.stream->device("cuda");
    stage.stream->precision("float16");
    stage.stream->get("gain");
    gate->open(100);
    const Signal out = stage.play(2048);
    const auto loaded = stage.stream->loaded();
    CHECK(loaded->settings.path == "b");
    CHECK(loaded->settings.method == "encode");
    CHECK(loaded->settings.placement == Placement{"cuda", "float16"});
    CHECK(loaded->block == 256);
    CHECK(stage.stream->latency().total() == 256 - 64);
    CHECK(out.back() == 0.75F * 0.5F * 0.25F);
    CHECK(stage.said() ==
          "notice buffer 200 rounded up to 256, a multiple of the ratio of b (64)\n"
          "attribute gain 0.250000\nloaded b encode\n");
    CHECK(stage.stream->report().swaps == 1);
}

TEST_CASE("a newer load supersedes one that is under way, with what was said to it") {
    Duet stage;
    stage.stream->set_offline(false);
    const auto gate = std::make_shared<Gate>();
    shelve_gated(stage, "slow", gate);
    stage.stream->load("slow");
    stage.stream->set("gain", {0.25});
    stage.stream->get("gain");
    stage.stream->buffer(1024);
    gate->wait_arrived(1);
    stage.stream->set("gain", {0.125});
    CHECK(stage.play(256).back() == 0.5F);
    CHECK(stage.stream->busy());
    stage.stream->load("b");
    gate->open(1);
    stage.settle();
    CHECK(stage.play(2048).back() == 0.75F);
    CHECK(stage.stream->loaded()->settings.buffer == 64);
    CHECK(stage.said() == "loaded b forward\n");
    CHECK(stage.stream->report().swaps == 1);
}

TEST_CASE("commands that wait together become one voice") {
    Duet stage;
    stage.stream->set_offline(false);
    const auto gate = std::make_shared<Gate>();
    shelve_gated(stage, "slow", gate);
    stage.stream->load("slow");
    gate->wait_arrived(1);
    for (int i = 1; i <= 10; ++i)
        stage.stream->buffer(64 * i);
    stage.stream->method("decode");
    gate->open(100);
    stage.settle();
    CHECK(stage.play(8192).back() == 4);
    CHECK(stage.stream->loaded()->settings.buffer == 640);
    CHECK(stage.said() == "loaded slow decode\n");
    CHECK(stage.stream->report().swaps == 1);
}

TEST_CASE("what was set survives reload, method, buffer and device; another file, only the seed") {
    Duet stage;
    stage.stream->set("gain", {0.5});
    stage.stream->seed(512);
    CHECK(stage.play(1024).back() == 0.75F);
    stage.stream->reload();
    CHECK(stage.play(1024).back() == 0.75F);
    stage.stream->method("encode");
    CHECK(stage.play(1024).back() == 0.625F);
    stage.stream->method("forward");
    stage.stream->buffer(128);
    stage.stream->device("mps");
    CHECK(stage.play(1024).back() == 0.75F);
    stage.stream->load("a");
    CHECK(stage.play(1024).back() == 0.75F);
    stage.stream->load("b");
    CHECK(stage.play(1024).back() == 0.75F + 0.5F);  // its level, and what the seed adds
    stage.stream->load("a");
    CHECK(stage.play(1024).back() == 0.5F + 0.5F);
    CHECK(stage.stream->report().swaps == 6);
}

TEST_CASE("a method that the next file does not have is replaced; one that is asked for is not") {
    Duet stage;
    stage.shelve("plain", std::make_shared<FakePrototype>("plain", Shape{}, 64, [] {
                     return std::make_unique<Instrument>(Instrument::Traits{.level = 0.25F});
                 }));
    stage.stream->method("encode");
    stage.play(1024);
    stage.stream->load("plain");
    CHECK(stage.play(1024).back() == 0.25F);
    CHECK(stage.said() ==
          "loaded a encode\n"
          "notice no method 'encode' in plain (it has: forward); it plays forward\n"
          "loaded plain forward\n");
    stage.stream->method("dream");
    CHECK(stage.play(1024).back() == 0.25F);
    CHECK(stage.said() == "error no method 'dream' in plain (it has: forward)\n");
    CHECK(stage.stream->loaded()->settings.method == "forward");
}

TEST_CASE("whatever fails while a model is made ready leaves the one before, and says why, once") {
    Duet stage;
    stage.shelve("unreadable", []() -> std::shared_ptr<Prototype> {
        throw std::runtime_error("unreadable: not a model");
    });
    auto cold = file_of("cold", {});
    cold->warm = [](const std::string&, int, int) -> double {
        throw std::runtime_error("cold: wrong size");
    };
    stage.shelve("cold", cold);
    stage.shelve("late", file_of("late", {.on_block = [](int block) {
                                     if (block == 1)
                                         throw std::runtime_error("late: the second block");
                                 }}));
    stage.shelve("odd", file_of("odd", {.on_block = [](int) { throw 5; }}));
    for (const auto& [path, error] : {std::pair{"unreadable", "unreadable: not a model"},
                                      {"cold", "cold: wrong size"},
                                      {"late", "late: the second block"},
                                      {"odd", "the model raised an error of an unknown kind"},
                                      {"nowhere", "no file nowhere"}}) {
        stage.stream->load(path);
        stage.stream->buffer(1024);
        stage.stream->set("gain", {0.125});
        const Signal out = stage.play(1024);
        CHECK(out == Signal(1024, 0.5F));
        CHECK(stage.said() == std::string("error ").append(error).append("\n"));
        CHECK(stage.stream->loaded()->settings.path == "a");
        CHECK(stage.stream->loaded()->settings.buffer == 64);
    }
    stage.stream->buffer(kLargestBuffer + 1);
    stage.play(64);
    CHECK(stage.said() == "error a buffer has 0 to 16777216 samples, not 16777217\n");
    CHECK(stage.stream->report().swaps == 0);
}

TEST_CASE("a model that hangs while it is made ready: others are loaded, a newer load goes on") {
    const auto gate = std::make_shared<Gate>();
    Duet stage;
    stage.stream->set_offline(false);
    shelve_gated(stage, "hung", gate);
    stage.stream->load("hung");
    gate->wait_arrived(1);
    CHECK(stage.play(1024) == Signal(1024, 0.5F));

    const auto other = Stream::make({}, stage.loader(), stage.pool);
    other->load("a");
    stage.pool.replace_hung(WorkerPool::Clock::now() + Loader::kCourtesy);
    while (other->busy())
        std::this_thread::yield();
    CHECK(other->loaded()->settings.path == "a");

    SUBCASE("a newer load supersedes it") {
        stage.stream->load("b");
        stage.settle();
        CHECK(stage.play(2048).back() == 0.75F);
        CHECK(stage.said() == "loaded b forward\n");
    }
    SUBCASE("after a time nobody waits for it, not even an offline host") {
        stage.stream->set_offline(true);
        std::thread host([&] { CHECK(stage.play(1024) == Signal(1024, 0.5F)); });
        stage.pool.replace_hung(WorkerPool::Clock::now() + kHours);
        host.join();
        CHECK(stage.said() == "error hung does not become ready; a plays on\n");
        CHECK_FALSE(stage.stream->busy());
    }
    SUBCASE("the object may go meanwhile") {
        stage.leave();
    }
    gate->open(100);
}

TEST_CASE("a model that hangs while it plays is left for another one") {
    const auto gate = std::make_shared<Gate>();
    Stage stage;
    stage.shelve("hung", file_of("hung", {.on_block = [gate](int) { gate->pass(); }}));
    stage.shelve("b", file_of("b", {.level = 0.75F}));
    stage.stream->set_offline(false);
    stage.prepare();
    stage.stream->load("hung");
    stage.settle();
    stage.play(256, 1, false);
    gate->wait_arrived(1);
    stage.pool.replace_hung(WorkerPool::Clock::now() + WorkerPool::kCourtesy);
    stage.stream->set("gain", {0.5});  // never heard
    stage.stream->load("b");
    for (std::string said; said.find("loaded b ") == std::string::npos; said += stage.said())
        std::this_thread::yield();
    stage.pool.replace_hung(WorkerPool::Clock::now() + kHours);
    CHECK(stage.play(2048).back() == 0.75F);
    stage.stream->load("hung");
    stage.stream->load("b");
    stage.stream->reload();
    stage.settle();
    gate->open(1000);
}

TEST_CASE("a set acts from the block that contains its moment, however the host's calls fall") {
    Stage stage;
    stage.shelve("through", file_of("through", {}));
    stage.stream->buffer(256);
    stage.prepare();
    stage.stream->load("through");
    stage.play(20 * 256);
    stage.play(256 + 128);
    stage.stream->set("gain", {0.5});
    const Signal out = stage.play(1024);
    // The block that was under way began 128 samples before.
    const int latency = stage.stream->latency().total();
    for (int i = 0; i < 1024; ++i)
        CHECK(out[static_cast<size_t>(i)] == (i < latency - 128 ? 1.0F : 0.5F));
}

TEST_CASE("what a model refuses is said, and changes nothing") {
    Duet stage;
    stage.stream->set("gain", {0.5, 0.5});
    stage.stream->set("grain", {0.5});
    stage.stream->get("grain");
    stage.play(256);
    CHECK(stage.said() ==
          "error gain takes one number\n"
          "error no attribute 'grain' (it has: gain)\n"
          "error no attribute 'grain' (it has: gain)\n");
    CHECK(stage.play(1024).back() == 0.5F);
}

TEST_CASE("without a model there is nothing to set, and settings wait for one") {
    Stage stage;
    stage.stream->set("gain", {1.0});
    stage.stream->reload();
    stage.stream->method("encode");
    stage.settle();
    CHECK(stage.stream->loaded() == nullptr);
    CHECK(stage.stream->latency().total() == 0);
    CHECK(stage.said().find("error no model is loaded\n") != std::string::npos);
    stage.shelve("a", file_of("a", {.level = 0.5F}));
    stage.prepare();
    stage.stream->load("a");
    CHECK(stage.play(1024).back() == 0.25F);
    CHECK(stage.stream->loaded()->settings.method == "encode");
}

TEST_CASE("more messages than a model can take in are dropped, and that is said once") {
    const auto gate = std::make_shared<Gate>();
    Stage stage;
    stage.shelve("slow", file_of("slow", {.on_block = [gate](int) { gate->pass(); }}));
    stage.stream->set_offline(false);
    stage.prepare();
    stage.stream->load("slow");
    stage.settle();
    stage.play(64, 1, false);
    gate->wait_arrived(1);
    stage.said();
    for (int i = 0; i < 10000; ++i)
        stage.stream->set("gain", {0.5});
    CHECK(stage.said() == "error too many messages are waiting: the latest are dropped\n");
    gate->open(1000);
    stage.settle();
    stage.stream->set("gain", {0.25});
    stage.settle();
    CHECK(stage.play(2048).back() == 0.25F);
    CHECK(stage.said() == "");
}

TEST_CASE("latents are played between encode and decode, and stay in hand as attributes do") {
    Stage stage;
    auto file = file_of("latent", {});
    file->latents.allowed = true;
    stage.shelve("latent", file);
    auto other = file_of("other", {});
    other->latents.allowed = true;
    stage.shelve("other", other);
    stage.shelve("opaque", file_of("opaque", {}));
    stage.prepare();
    stage.stream->load("latent");
    CHECK(stage.play(1024).back() == 1);
    stage.stream->move_latents({.kind = LatentMove::Kind::bias, .index = 0, .value = 0.25F});
    CHECK(stage.play(1024).back() == 1.5F);
    CHECK(stage.stream->latents().last == std::vector<float>{0.75F});
    stage.stream->reload();
    CHECK(stage.play(1024).back() == 1.5F);
    stage.stream->buffer(256);
    CHECK(stage.play(2048).back() == 1.5F);
    CHECK(stage.stream->latents().settings.latents.at(0).bias == 0.25F);
    // To the model that plays, and to the one that comes.
    stage.stream->reload();
    stage.stream->move_latents({.kind = LatentMove::Kind::bias, .index = 0, .value = 0.5F});
    CHECK(stage.play(2048).back() == 2);
    stage.stream->load("other");
    CHECK(stage.play(2048).back() == 1);
    stage.stream->load("opaque");
    CHECK(stage.play(2048).back() == 1);
    stage.said();
    stage.stream->move_latents({.index = 0, .value = 1});
    stage.settle();
    CHECK(stage.said() == "error the latents of this model cannot be played\n");
    CHECK(stage.stream->latents().last.empty());
}

TEST_CASE("a model that is lost in numbers that are none is reset after a second, and says so") {
    // Lost from its 20th block on, until it is reset.
    struct Lost : Model {
        void compute(const std::string&, const float*, float* out, int, int frames) override {
            const bool lost = ++blocks > 20;
            std::fill_n(out, frames, lost ? NAN : 0.5F);
        }
        void reset() override { blocks = 0; }
        int blocks = 0;
    };
    Stage stage;
    stage.shelve("lost", std::make_shared<FakePrototype>("lost", Shape{}, 64,
                                                         [] { return std::make_unique<Lost>(); }));
    stage.prepare();
    stage.stream->load("lost");
    stage.play(64 * 18);
    stage.said();
    const Signal out = stage.play(64 * 80);
    const int second = static_cast<int>(Stage::kRate) / 64 + 1;  // blocks
    const auto silent = std::count(out.begin(), out.end(), 0.0F);
    CHECK(silent >= 64 * (second - 3));
    CHECK(silent <= 64 * second);
    CHECK(largest_step(out) <= 0.5F);
    CHECK(stage.stream->report().non_finite == static_cast<uint64_t>(64 * second));
    CHECK(stage.said() ==
          "error the model gives numbers that are not finite; they become silence\n"
          "notice the model was reset after a second of numbers that are not finite\n");
}
