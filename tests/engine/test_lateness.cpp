// What is heard and counted when a model does not keep up. Gates stand in for a slow network, so
// that nothing here depends on a clock.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "driver.h"
#include "fake_model.h"

using namespace timbrel;
using namespace timbrel::test;

namespace {

constexpr int kBlock = 512;

std::unique_ptr<Model> gated(std::shared_ptr<Gate> gate) {
    return std::make_unique<FakeModel>([=](const float* in, float* out, int, int frames) {
        gate->pass();
        std::copy_n(in, frames, out);
    });
}

Signal sine(int length) {
    Signal signal(static_cast<size_t>(length));
    for (int i = 0; i < length; ++i) {
        signal[static_cast<size_t>(i)] =
            static_cast<float>(std::sin(2 * std::numbers::pi * i / 200));
    }
    return signal;
}

Signal part(const Signal& signal, int block, int count = 1) {
    return {signal.begin() + block * kBlock, signal.begin() + (block + count) * kBlock};
}

void append(Signal& signal, const Signal& more) {
    signal.insert(signal.end(), more.begin(), more.end());
}

// Until `blocks` were computed.
void settle(const Stream& stream, uint64_t blocks) {
    while (stream.report().blocks < blocks)
        std::this_thread::yield();
}

}  // namespace

TEST_CASE("a late block is faded over without a click, counted once, and played from its place") {
    WorkerPool pool(1);
    const auto gate = std::make_shared<Gate>();
    Player player(pool, gated(gate), {.block = kBlock});
    player.prepare(48000, 64, false, 256);
    const int latency = player.stream->latency().buffer;
    const Signal in = sine(12 * kBlock);
    Signal out;
    const auto play_on = [&](int until, bool wait) {
        const auto from = static_cast<ptrdiff_t>(out.size());
        append(out, player.play(Signal(in.begin() + from, in.begin() + until), {64}, wait));
    };

    gate->open(3);
    play_on(4 * kBlock, true);  // the last call submits block 3, which the gate holds back
    gate->wait_arrived(4);
    settle(*player.stream, 3);
    const int due = 3 * kBlock + latency;
    play_on(due, true);  // plays up to the end of block 2
    CHECK(player.stream->report().late == 0);
    play_on(5 * kBlock - 64, false);
    CHECK(player.stream->report().late == 1);
    // Too late for its first part, in time for the rest.
    gate->open(1);
    settle(*player.stream, 4);
    gate->open(100);
    play_on(12 * kBlock, true);

    CHECK(player.stream->report().late == 1);
    CHECK(player.stream->report().skipped == 0);
    // The sine's own steps are at most 0.0315; a bare switch off or on would show as up to 1.
    CHECK(largest_step(out) < 0.06F);
    // Faded out and silent while the block is missing ...
    for (int i = due + Concealer::kFade; i < 5 * kBlock - 64; ++i) {
        CHECK(out[static_cast<size_t>(i)] == 0.0F);
    }
    // ... and exactly in place again after the fade.
    for (int i = 5 * kBlock - 64 + Concealer::kFade; i < 12 * kBlock; ++i) {
        CHECK(out[static_cast<size_t>(i)] == in[static_cast<size_t>(i - latency)]);
    }
}

TEST_CASE("a late latent holds its last value") {
    WorkerPool pool(1);
    const auto gate = std::make_shared<Gate>();
    auto model = std::make_unique<FakeModel>([=](const float* in, float* out, int, int frames) {
        gate->pass();
        for (int i = 0; i < frames / 64; ++i)
            out[i] = in[i * 64];
    });
    Player player(pool, std::move(model), {.shape = {.out_ratio = 64}, .block = kBlock});
    player.prepare(48000, kBlock, false, 0);
    gate->open(1);
    const Signal first = player.play(Signal(kBlock, 0.25F), {kBlock}, true);
    CHECK(first == Signal(kBlock, 0.25F));
    const Signal second = player.play(Signal(kBlock, 0.75F), {kBlock}, false);
    CHECK(second == Signal(kBlock, 0.25F));
    CHECK(player.stream->report().late == 1);
    gate->open(100);
}

TEST_CASE("with two blocks waiting the oldest is skipped, and latency does not drift") {
    WorkerPool pool(1);
    const auto gate = std::make_shared<Gate>();
    Player player(pool, gated(gate), {.block = kBlock});
    player.prepare(48000, kBlock, false, 3 * kBlock);
    const int latency = player.stream->latency().buffer;
    const Signal in = noise(30 * kBlock, 1);

    player.play(part(in, 0), {kBlock}, false);
    gate->wait_arrived(1);                         // block 0 runs
    player.play(part(in, 1, 2), {kBlock}, false);  // blocks 1 and 2 wait
    CHECK(player.stream->report().skipped == 0);
    player.play(part(in, 3), {kBlock}, false);  // block 1 goes
    CHECK(player.stream->report().skipped == 1);
    gate->open(3);
    settle(*player.stream, 3);  // 0, 2, 3
    gate->open(100);
    const Signal out = player.play(part(in, 4, 26), {kBlock}, true);
    settle(*player.stream, 29);  // all but one
    CHECK(player.stream->report().skipped == 1);
    for (int i = 8 * kBlock; i < 30 * kBlock; ++i) {
        CHECK(out[static_cast<size_t>(i - 4 * kBlock)] == in[static_cast<size_t>(i - latency)]);
    }
}

TEST_CASE("a vector that brings many blocks at once is not mistaken for a worker that lags") {
    WorkerPool pool(1);
    const auto gate = std::make_shared<Gate>();
    Player player(pool, gated(gate), {.block = 64});
    player.prepare(48000, 1024, false, -1);
    player.play(noise(1024, 1), {1024}, false);
    CHECK(player.stream->report().skipped == 0);
    gate->open(1000);
    player.play(noise(10 * 1024, 1), {1024}, true);
    CHECK(player.stream->report().skipped == 0);
    CHECK(player.stream->report().late == 0);
}

TEST_CASE(
    "a model that never returns: the host plays on, releases the stream, and others are heard") {
    WorkerPool pool(1);
    const auto gate = std::make_shared<Gate>();
    Player hung(pool, gated(gate), {.block = 64});
    hung.prepare(48000, 64, false, -1);
    const Signal out = hung.play(Signal(64 * 100, 1.0F), {64}, false);
    CHECK(out == Signal(64 * 100, 0.0F));
    gate->wait_arrived(1);

    Player healthy(pool, identity(), {.block = 64});
    healthy.prepare(48000, 64, false, 0);
    healthy.play(Signal(64, 1.0F), {64}, false);
    CHECK(healthy.stream->report().blocks == 0);  // the only worker hangs

    pool.replace_hung(WorkerPool::Clock::now() + std::chrono::hours(1));
    CHECK(healthy.play(Signal(640, 1.0F), {64}, true).back() == 1.0F);
    CHECK(hung.line().find("does not return") != std::string::npos);
    // Not even an offline host waits for it.
    CHECK(hung.play(Signal(64 * 100, 1.0F), {64}, true) == Signal(64 * 100, 0.0F));

    const std::weak_ptr<Stream> stream = hung.stream;
    hung.release();
    pool.background().drain();
    CHECK(stream.expired());
    CHECK(gate.use_count() > 1);  // held by the model, which the worker is still inside of
    gate->open(1000);
    while (gate.use_count() > 1)
        std::this_thread::yield();
}

TEST_CASE("a slow block keeps its worker from others for a moment only, and is heard itself") {
    WorkerPool pool(1);
    const auto gate = std::make_shared<Gate>();
    Player slow(pool, gated(gate), {.block = 64});
    slow.prepare(48000, 64, false, 640);
    slow.play(Signal(64, 1.0F), {64}, false);
    gate->wait_arrived(1);
    pool.replace_hung(WorkerPool::Clock::now() + WorkerPool::kCourtesy);
    pool.replace_hung(WorkerPool::Clock::now() + WorkerPool::kCourtesy);

    Player healthy(pool, identity(), {.block = 64});
    healthy.prepare(48000, 64, false, 0);
    CHECK(healthy.play(Signal(640, 1.0F), {64}, true).back() == 1.0F);

    slow.play(Signal(64, 1.0F), {64}, false);
    gate->open(1000);  // the substitute goes on with the next block
    while (slow.stream->report().blocks < 2)
        std::this_thread::yield();
    CHECK(slow.play(Signal(64 * 20, 1.0F), {64}, true)[64 * 8 + 63] == 1.0F);
    CHECK(slow.line() == "");
}

TEST_CASE("an offline host is not kept by a block that hangs from before its layout changed") {
    WorkerPool pool(1);
    const auto gate = std::make_shared<Gate>();
    Player player(pool, gated(gate), {.block = 64});
    player.prepare(48000, 64, false, -1);
    player.play(Signal(64, 1.0F), {64}, false);
    gate->wait_arrived(1);
    player.prepare(48000, 32, false, -1);
    std::atomic<bool> began = false;
    std::thread host([&] {
        began = true;
        CHECK(player.play(Signal(640, 1.0F), {32}, true) == Signal(640, 0.0F));
    });
    while (!began)
        std::this_thread::yield();
    for (int i = 0; i < 1000; ++i)
        std::this_thread::yield();  // so that it most likely waits already
    pool.replace_hung(WorkerPool::Clock::now() + std::chrono::hours(1));
    host.join();
    gate->open(1000);
}

TEST_CASE("a model that returns after it was given up is heard again") {
    WorkerPool pool(1);
    const auto gate = std::make_shared<Gate>();
    Player player(pool, gated(gate), {.block = 64});
    player.prepare(48000, 64, false, -1);
    player.play(Signal(640, 1.0F), {64}, false);
    gate->wait_arrived(1);
    pool.replace_hung(WorkerPool::Clock::now() + std::chrono::hours(1));
    gate->open(1000);
    while (player.stream->report().blocks < 2)
        std::this_thread::yield();
    const Signal out = player.play(Signal(64 * 20, 1.0F), {64}, true);
    CHECK(out.back() == 1.0F);
}

TEST_CASE("numbers that are none become silence, and are counted") {
    WorkerPool pool(1);
    auto model = std::make_unique<FakeModel>([](const float*, float* out, int, int frames) {
        std::fill_n(out, frames, 0.5F);
        out[3] = std::numeric_limits<float>::quiet_NaN();
        out[5] = std::numeric_limits<float>::infinity();
    });
    Player player(pool, std::move(model), {.block = 64});
    player.prepare(48000, 64, false, 0);
    Signal in(64, 0.0F);
    in[0] = std::numeric_limits<float>::quiet_NaN();
    const Signal out = player.play(in, {64});
    CHECK(out[2] == 0.5F);
    CHECK(out[3] == 0.0F);
    CHECK(out[5] == 0.0F);
    CHECK(player.stream->report().non_finite == 3);
}

TEST_CASE("a model that throws is silent, says why once, and is tried again") {
    WorkerPool pool(1);
    int calls = 0;
    auto model = std::make_unique<FakeModel>([&](const float* in, float* out, int, int frames) {
        if (++calls <= 3)
            throw std::runtime_error("no such weight");
        std::copy_n(in, frames, out);
    });
    Player player(pool, std::move(model), {.block = 64});
    player.prepare(48000, 64, false, 0);
    CHECK(player.play(Signal(192, 1.0F), {64}) == Signal(192, 0.0F));
    CHECK(player.line() == "no such weight");
    CHECK(player.line() == "");
    const Signal out = player.play(Signal(640, 1.0F), {64});
    CHECK(out.back() == 1.0F);
    CHECK(largest_step(out) < 0.02F);
    CHECK(player.stream->report().failed == 3);
    CHECK(player.stream->report().blocks == 10);
    CHECK(player.line() == "");
}
