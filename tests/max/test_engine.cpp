// The package as it is installed, with libtorch and the instrument that is shipped: what Max plays
// is what the engine gives to any other program.
#include <doctest/doctest.h>

#include <random>

#include "host/engine_library.h"
#include "patch.h"
#include "timbrel/engine.h"

using namespace maxhost;

namespace {

constexpr int kVector = 64, kBlock = 2048;
constexpr double kRate = 44100;
constexpr size_t kFrames = 8 * kBlock;

// The library that the objects have opened already, so there is one engine in this process.
const timbrel_api* engine() {
    std::string error;
    const timbrel_api* api =
        timbrel::host::open_engine(kPackage / "support", "the tests of Max", error);
    REQUIRE_MESSAGE(api, error);
    return api;
}

std::vector<Signal> noise(size_t channels) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> sample(-0.5, 0.5);
    std::vector<Signal> signals(channels, Signal(kFrames));
    for (Signal& signal : signals) {
        for (double& each : signal)
            each = sample(random);
    }
    return signals;
}

// What the engine makes of it, asked without Max: (example, channel) becomes (example, channel).
std::vector<Signal> rendered(const char* method, int inlets, int outlets, int batch,
                             const std::vector<Signal>& in) {
    const timbrel_api* api = engine();
    char error[TIMBREL_ERROR_SIZE] = "";
    timbrel_model* model =
        api->model_open((kPackage / "models/tabla.ts").c_str(), error, sizeof(error));
    REQUIRE_MESSAGE(model, error);
    const timbrel_stream_options options{inlets, outlets, batch, 0};
    timbrel_stream* stream = api->stream_create(&options, error, sizeof(error));
    REQUIRE_MESSAGE(stream, error);
    const timbrel_atom seed{1, nullptr, nullptr};
    CHECK(api->stream_send(stream, "seed", &seed, 1, error, sizeof(error)) == 0);
    REQUIRE(api->stream_open(stream, model, method, kBlock, error, sizeof(error)) == 0);
    const timbrel_stream_config config{kRate, kVector, 0};
    REQUIRE(api->stream_prepare(stream, &config, error, sizeof(error)) == 0);
    api->stream_set_offline(stream, 1);
    std::vector<Signal> out(static_cast<size_t>(outlets * batch), Signal(kFrames));
    for (size_t start = 0; start < kFrames; start += kVector) {
        std::vector<const double*> ins;
        std::vector<double*> outs;
        for (const Signal& each : in)
            ins.push_back(each.data() + start);
        for (Signal& each : out)
            outs.push_back(each.data() + start);
        api->stream_process_blocking_f64(stream, ins.data(), outs.data(), kVector);
    }
    api->stream_release(stream);
    api->model_release(model);
    return out;
}

// What Max plays. The seed comes first, and so does what waits for the model.
std::vector<Signal> played(const std::string& box, const std::vector<long>& widths,
                           const std::vector<Signal>& in) {
    Patch nn(box);
    nn.send("offline 1");
    nn.send("seed 1");
    Chain chain(nn.box(), widths);
    chain.compile(kRate, kVector);
    return chain.play(in);
}

double difference(const std::vector<Signal>& one, const std::vector<Signal>& other) {
    REQUIRE(one.size() == other.size());
    double most = 0;
    for (size_t i = 0; i < one.size(); ++i)
        most = std::max(most, maxhost::difference(one[i], other[i], 0));
    return most;
}

double loudest(const std::vector<Signal>& signals) {
    double most = 0;
    for (const Signal& signal : signals) {
        for (const double sample : signal)
            most = std::max(most, std::abs(sample));
    }
    return most;
}

constexpr double kRounding = 1e-6;

}  // namespace

TEST_CASE("nn~ plays what the engine gives") {
    const auto in = noise(1);
    const auto expected = rendered("forward", 1, 1, 1, in);
    CHECK(loudest(expected) > 0.001);
    CHECK(difference(played("nn~ tabla forward", {1}, in), expected) < kRounding);
}

TEST_CASE("mc.nn~ plays examples in the channels of each cord") {
    const auto in = noise(2);
    const auto expected = rendered("forward", 1, 1, 2, in);
    CHECK(difference(played("mc.nn~ tabla forward", {2}, in), expected) < kRounding);
}

TEST_CASE("mcs.nn~ plays the model's channels in one cord, an example in each inlet") {
    const auto in = noise(2);
    const auto latents = rendered("encode", 1, 16, 2, in);
    CHECK(loudest(latents) > 0.1);
    CHECK(difference(played("mcs.nn~ tabla encode 2", {1, 1}, in), latents) < kRounding);
    const auto expected = rendered("decode", 16, 1, 2, latents);
    CHECK(difference(played("mcs.nn~ tabla decode 2", {16, 16}, latents), expected) < kRounding);
}

TEST_CASE("nn.info reads a model's true channels and ratios") {
    Patch info("nn.info tabla");
    info.send("parameters encode");
    CHECK(info.heard_until("encode").back() == "encode channels_in 1");
}
