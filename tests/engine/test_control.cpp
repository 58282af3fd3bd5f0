// Enabling, resetting, sharing the workers.
#include <doctest/doctest.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "driver.h"
#include "fake_model.h"

using namespace timbrel;
using namespace timbrel::test;

TEST_CASE("a disabled stream is silent, is not fed, and comes back without old sound or a click") {
    WorkerPool pool(1);
    Player player(pool, identity(), {.block = 64});
    player.prepare(48000, 64, false, -1);
    const Signal before = player.play(Signal(640, 0.5F), {64});
    CHECK(before.back() == 0.5F);
    const uint64_t fed = player.stream->report().blocks;

    player.stream->set_enabled(false);
    const Signal off = player.play(Signal(640, 0.9F), {64});
    CHECK(largest_step(off) < 0.02F);
    CHECK(Signal(off.begin() + Concealer::kFade, off.end()) ==
          Signal(640 - Concealer::kFade, 0.0F));
    CHECK(player.stream->report().blocks == fed);

    player.stream->set_enabled(true);
    const Signal on = player.play(Signal(640, 0.5F), {64});
    CHECK(on.front() == 0.0F);
    CHECK(largest_step(on) < 0.02F);
    CHECK(*std::max_element(on.begin(), on.end()) == 0.5F);
    CHECK(player.stream->report().late == 0);
    CHECK(player.stream->report().skipped == 0);
}

TEST_CASE("reset brings back the first state, and the same signal gives the same sound") {
    WorkerPool pool(2);
    float sum = 0;
    auto model = std::make_unique<FakeModel>(
        [&](const float* in, float* out, int, int frames) {
            for (int i = 0; i < frames; ++i)
                out[i] = sum += in[i];
        },
        [&] { sum = 0; });
    Player player(pool, std::move(model), {.block = 64});
    player.prepare(48000, 48, false, -1);
    const Signal in = noise(4800, 1);
    const Signal first = player.play(in, {48});
    player.play(Signal(Concealer::kFade, 0.0F), {48});
    player.stream->reset();
    const Signal second = player.play(in, {48});
    // What sounded before the reset still fades.
    for (size_t i = Concealer::kFade; i < in.size(); ++i)
        CHECK(first[i] == second[i]);
}

TEST_CASE("a stream that was never prepared is silent") {
    WorkerPool pool(1);
    Player player(pool, identity(), {.block = 64});
    CHECK(player.play(Signal(64, 1.0F), {64}) == Signal(64, 0.0F));
}

TEST_CASE("two streams share one worker and neither hears the other") {
    WorkerPool pool(1);
    Player a(pool, identity(), {.block = 64}), b(pool, identity(), {.block = 100});
    a.prepare(48000, 64, false, -1);
    b.prepare(44100, 32, false, -1);
    const Signal in_a = noise(6400, 1), in_b = noise(6400, 2);
    Signal out_b;
    std::thread other([&] { out_b = b.play(in_b, {32}); });
    const Signal out_a = a.play(in_a, {64});
    other.join();
    const int latency_a = a.stream->latency().buffer, latency_b = b.stream->latency().buffer;
    for (int i = 0; i < 6400; ++i) {
        const auto at = static_cast<size_t>(i);
        CHECK(out_a[at] == (i < latency_a ? 0.0F : in_a[static_cast<size_t>(i - latency_a)]));
        CHECK(out_b[at] == (i < latency_b ? 0.0F : in_b[static_cast<size_t>(i - latency_b)]));
    }
}

TEST_CASE("of two waiting blocks the one that is due first is computed first") {
    WorkerPool pool(1);
    Gate gate;
    std::mutex mutex;
    std::vector<char> order;
    const auto recorder = [&](char name) {
        return std::make_unique<FakeModel>([&, name](const float*, float*, int, int) {
            gate.pass();
            const std::lock_guard lock(mutex);
            order.push_back(name);
        });
    };
    Player first(pool, recorder('f'), {.block = 64});
    Player relaxed(pool, recorder('r'), {.block = 64});
    Player urgent(pool, recorder('u'), {.block = 64});
    first.prepare(48000, 64, false, -1);
    relaxed.prepare(48000, 64, false, 48000);
    urgent.prepare(48000, 64, false, 640);
    const Signal block(64);
    first.play(block, {64}, false);
    gate.wait_arrived(1);  // the worker is occupied while the others queue up
    relaxed.play(block, {64}, false);
    urgent.play(block, {64}, false);
    gate.open(3);
    while (urgent.stream->report().blocks + relaxed.stream->report().blocks < 2) {
        std::this_thread::yield();
    }
    const std::lock_guard lock(mutex);
    CHECK(std::string(order.begin(), order.end()) == "fur");
}

TEST_CASE("a model that is too slow for its deadline does not starve one that is not") {
    const auto gate = std::make_shared<Gate>();
    std::atomic<int> slow_blocks = 0;
    std::atomic<int> slow_before_quick = -1;
    WorkerPool pool(1);  // gone before what its worker plays with
    Player slow(pool, std::make_unique<FakeModel>([&](const float*, float*, int, int) {
                    gate->pass();
                    ++slow_blocks;
                }),
                {.block = 64});
    Player quick(pool, std::make_unique<FakeModel>([&](const float*, float*, int, int) {
                     slow_before_quick = slow_blocks.load();
                 }),
                 {.block = 64});
    // Each block of the one is due within nanoseconds of its submission, of the other in minutes.
    slow.prepare(1e12, 64, false, -1);
    quick.prepare(1, 64, false, -1);
    const Signal block(64);
    slow.play(block, {64}, false);
    gate->wait_arrived(1);
    quick.play(block, {64}, false);
    slow.play(block, {64}, false);
    gate->open(2);
    while (quick.stream->report().blocks + slow.stream->report().blocks < 3)
        std::this_thread::yield();
    CHECK(slow_before_quick == 1);
}

TEST_CASE("streams come, change their layout and go while they play, on many threads") {
    WorkerPool pool(3);
    std::vector<std::thread> hosts;
    for (unsigned host = 0; host < 4; ++host) {
        hosts.emplace_back([&pool, host] {
            for (int round = 0; round < 10; ++round) {
                Player player(pool, identity(), {.block = 32});
                for (const int vector : {16, 64}) {
                    player.prepare(48000, vector, false, -1);
                    player.play(noise(2048, host), {vector}, false);
                    player.stream->reset();
                    const Signal out = player.play(Signal(2048, 0.5F), {vector}, true);
                    CHECK(out.back() == 0.5F);
                }
            }
        });
    }
    for (std::thread& host : hosts)
        host.join();
}

TEST_CASE("a pool stops within its patience even if a model hangs") {
    Gate gate;
    WorkerPool pool(1);
    {
        Player player(
            pool, std::make_unique<FakeModel>([&](const float*, float*, int, int) { gate.pass(); }),
            {.block = 64});
        player.prepare(48000, 64, false, -1);
        player.play(Signal(64), {64}, false);
        gate.wait_arrived(1);
    }
    CHECK_FALSE(pool.stop(std::chrono::milliseconds(1)));
    gate.open(1);
    CHECK(pool.stop(std::chrono::hours(1)));
}

TEST_CASE(
    "bypassed, a stream plays its input exactly as late as the model, which goes on unheard") {
    WorkerPool pool(1);
    float sum = 0;
    Player player(pool, std::make_unique<FakeModel>([&](const float* in, float* out, int, int n) {
                      for (int i = 0; i < n; ++i)
                          out[i] = sum += in[i];
                  }),
                  {.block = 64});
    player.prepare(48000, 48, false, 100);
    const int latency = player.stream->latency().total();
    const Signal ones(4800, 1.0F / 4096);
    player.play(ones, {48});
    player.stream->set_bypass(true);
    const Signal faded = player.play(ones, {48});
    CHECK(largest_step(faded) < 0.02F);
    CHECK(faded.back() == 1.0F / 4096);
    const Signal in = noise(4800, 1);
    const Signal out = player.play(in, {48});
    for (size_t i = static_cast<size_t>(latency); i < out.size(); ++i)
        CHECK(out[i] == in[i - static_cast<size_t>(latency)]);
    player.stream->set_bypass(false);
    const float before = std::accumulate(in.begin(), in.end(), 0.0F);
    const Signal back = player.play(Signal(4800), {48});
    CHECK(back.back() == doctest::Approx(2 * 4800.0F / 4096 + before).epsilon(1e-3));
    CHECK(player.stream->report().late == 0);
}

TEST_CASE("bypassed latents stay where they are, and what is made of latents is silent") {
    WorkerPool pool(1);
    Player encoder(pool, hand_through(1, 16), {.shape = {.out_ratio = 16}, .block = 64});
    encoder.prepare(48000, 64, false, 0);
    CHECK(encoder.play(Signal(640, 0.5F), {64}).back() == 0.5F);
    encoder.stream->set_bypass(true);
    CHECK(encoder.play(Signal(640, 0.75F), {64}) == Signal(640, 0.5F));
    encoder.stream->set_bypass(false);
    CHECK(encoder.play(Signal(640, 0.75F), {64}).back() == 0.75F);

    Player decoder(pool, hand_through(16, 1), {.shape = {.in_ratio = 16}, .block = 64});
    decoder.prepare(48000, 64, false, 0);
    decoder.play(Signal(640, 0.5F), {64});
    decoder.stream->set_bypass(true);
    CHECK(decoder.play(Signal(640, 0.5F), {64}).back() == 0.0F);
}
