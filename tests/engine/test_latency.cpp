// Where a sample comes out: the promise that every other part of a patch is aligned to.
#include <doctest/doctest.h>

#include "driver.h"
#include "fake_model.h"

using namespace timbrel;
using namespace timbrel::test;

namespace {

Signal delayed(const Signal& signal, int delay) {
    Signal result(signal.size());
    for (size_t i = static_cast<size_t>(delay); i < signal.size(); ++i) {
        result[i] = signal[i - static_cast<size_t>(delay)];
    }
    return result;
}

}  // namespace

TEST_CASE("what goes in comes out exactly at the reported latency, for any block and vector") {
    WorkerPool pool(1);
    for (const int block : {1, 3, 16, 48, 64, 100, 127, 512, 2048}) {
        for (const int vector : {1, 7, 16, 64, 96, 100, 512, 1000}) {
            CAPTURE(block);
            CAPTURE(vector);
            Player player(pool, identity(), {.block = block});
            player.prepare(48000, vector, false, -1);
            const int latency = player.stream->latency().buffer;
            CHECK(latency == block - std::gcd(block, vector) + std::max(block, vector));
            const Signal in = noise(3 * (block + vector) + 2 * latency, 1);
            CHECK(player.play(in, {vector}) == delayed(in, latency));
            CHECK(player.stream->report().late == 0);
        }
    }
}

TEST_CASE("with no slack a block is heard in the call that completes it") {
    WorkerPool pool(1);
    for (const int block : {1, 5, 64, 96, 512}) {
        for (const int vector : {1, 5, 64, 96, 256}) {
            CAPTURE(block);
            CAPTURE(vector);
            Player player(pool, identity(), {.block = block, .blocking = true});
            player.prepare(48000, vector, false, -1);
            const int latency = player.stream->latency().buffer;
            CHECK(latency == (vector % block == 0 ? 0 : block - std::gcd(block, vector)));
            const Signal in = noise((4 * block / vector + 4) * vector, 2);
            CHECK(player.play(in, {vector}) == delayed(in, latency));
        }
    }
}

TEST_CASE("a host that calls with any number of frames gets a fixed latency all the same") {
    WorkerPool pool(1);
    for (const int slack : {0, 64, 1024}) {
        Player player(pool, identity(), {.block = 96});
        player.prepare(48000, 256, true, slack);
        const int latency = player.stream->latency().buffer;
        CHECK(latency == 95 + slack);
        const Signal in = noise(9000, 3);
        CHECK(player.play(in, {1, 256, 17, 96, 3, 200}) == delayed(in, latency));
    }
}

TEST_CASE("more frames than announced are played, too") {
    WorkerPool pool(1);
    Player player(pool, identity(), {.block = 64});
    player.prepare(48000, 32, false, -1);
    const Signal in = noise(6400, 4);
    CHECK(player.play(in, {640}) == delayed(in, player.stream->latency().buffer));
}

TEST_CASE("inputs and outputs may be the same memory, crosswise") {
    WorkerPool pool(1);
    const Shape stereo{.in_channels = 2, .out_channels = 2};
    Player player(pool, identity(2), {.shape = stereo, .block = 64});
    player.prepare(48000, 256, false, 0);
    const int latency = player.stream->latency().buffer;
    const Signal left = noise(4096, 5), right = noise(4096, 6);
    Signal a = left, b = right;
    for (int from = 0; from < 4096; from += 256) {
        const float* inputs[] = {a.data() + from, b.data() + from};
        float* outputs[] = {b.data() + from, a.data() + from};
        player.stream->process_blocking(inputs, outputs, 256);
    }
    CHECK(b == delayed(left, latency));
    CHECK(a == delayed(right, latency));
}

TEST_CASE("a double host hears the same as a float host") {
    WorkerPool pool(1);
    Player player(pool, identity(), {.block = 128});
    player.prepare(48000, 64, false, -1);
    const int latency = player.stream->latency().buffer;
    const Signal in = noise(2048, 7);
    std::vector<double> wide(in.begin(), in.end()), out(in.size());
    for (size_t from = 0; from < wide.size(); from += 64) {
        const double* inputs[] = {wide.data() + from};
        double* outputs[] = {out.data() + from};
        player.stream->process_blocking(inputs, outputs, 64);
    }
    CHECK(Signal(out.begin(), out.end()) == delayed(in, latency));
}

TEST_CASE(
    "an inlet of a lower rate takes the last sample of each group, an outlet holds its value") {
    WorkerPool pool(1);
    for (const auto& [in_ratio, out_ratio] : {std::pair{8, 8}, {8, 1}, {1, 8}, {4, 16}}) {
        for (const int vector : {1, 5, 16, 64, 200}) {
            CAPTURE(in_ratio);
            CAPTURE(out_ratio);
            CAPTURE(vector);
            const Shape shape{.in_ratio = in_ratio, .out_ratio = out_ratio};
            Player player(pool, hand_through(in_ratio, out_ratio), {.shape = shape, .block = 64});
            player.prepare(48000, vector, false, -1);
            const Signal in = noise(2000, 8);
            const Signal out = player.play(in, {vector});
            Signal expected(in.size());
            for (int i = player.stream->latency().buffer; i < 2000; ++i) {
                const int source = i - player.stream->latency().buffer;
                const int group = source / out_ratio * out_ratio / in_ratio;
                expected[static_cast<size_t>(i)] =
                    in[static_cast<size_t>(group * in_ratio + in_ratio - 1)];
            }
            CHECK(out == expected);
        }
    }
}

TEST_CASE("every example of a batch keeps to itself") {
    WorkerPool pool(1);
    Player player(pool, identity(), {.block = 64, .batch = 3});
    player.prepare(48000, 64, false, 0);
    const std::vector<Signal> in{noise(640, 1), noise(640, 2), noise(640, 3)};
    std::vector<Signal> out(3, Signal(640));
    for (int from = 0; from < 640; from += 64) {
        const float* inputs[] = {in[0].data() + from, in[1].data() + from, nullptr};
        float* outputs[] = {out[0].data() + from, nullptr, out[2].data() + from};
        player.stream->process_blocking(inputs, outputs, 64);
    }
    CHECK(out[0] == in[0]);
    CHECK(out[1] == Signal(640));  // its outlet is not connected
    CHECK(out[2] == Signal(640));  // its inlet is not connected
}

TEST_CASE("preparing the same layout again is not heard, another one starts afresh") {
    WorkerPool pool(1);
    Player player(pool, identity(), {.block = 64});
    player.prepare(48000, 64, false, -1);
    const Signal in = noise(1280, 9);
    Signal out = player.play(Signal(in.begin(), in.begin() + 640), {64});
    player.prepare(48000, 64, false, -1);
    const Signal rest = player.play(Signal(in.begin() + 640, in.end()), {64});
    out.insert(out.end(), rest.begin(), rest.end());
    CHECK(out == delayed(in, 64));

    player.prepare(48000, 32, false, -1);
    const int latency = player.stream->latency().buffer;
    const Signal again = player.play(in, {32});
    // What sounded before still fades over the first samples.
    const int settled = std::max(latency, Concealer::kFade);
    CHECK(Signal(again.begin() + settled, again.end()) ==
          Signal(in.begin() + settled - latency, in.end() - latency));
}
