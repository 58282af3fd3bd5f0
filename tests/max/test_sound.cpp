// What is heard equals the model's output at the delay that the object states.
#include <doctest/doctest.h>

#include "patch.h"

using namespace maxhost;

namespace {

// Samples, as `latency` reports them: the total, ms, then the buffer's part and the model's.
size_t buffer_latency(Patch& nn) {
    nn.send("latency");
    std::istringstream words(nn.heard_until("latency").back());
    std::string word;
    size_t total = 0, buffer = 0;
    double ms = 0;
    words >> word >> total >> ms >> buffer;
    return buffer;
}

}  // namespace

TEST_CASE("sound for every vector size and buffer, in place and not") {
    write_model("scale", "method forward 1 1 2 1 0\nattribute gain float");
    for (const long vector : {1L, 16L, 64L, 480L, 1024L}) {
        for (const char* buffer : {"64", "256", "1000"}) {
            for (const bool in_place : {false, true}) {
                CAPTURE(vector);
                CAPTURE(buffer);
                CAPTURE(in_place);
                Patch nn(std::string("nn~ scale forward ") + buffer);
                nn.settle();
                Chain chain(nn.box(), {1});
                chain.compile(44100, vector);
                const size_t delay = buffer_latency(nn);
                CHECK(delay > 0);
                const Signal in = ramp(8192, 0.5);
                const auto heard = chain.play({in}, in_place);
                CHECK(difference(heard[0], in, delay) < 1e-6);
                CHECK(difference(heard[1], scaled(in, 2), delay) < 1e-6);
            }
        }
    }
}

TEST_CASE("buffer 0 computes inside the call, without a delay") {
    write_model("scale", "method forward 1 1 2 1 0");
    Patch nn("nn~ scale forward 0");
    nn.settle();
    Chain chain(nn.box(), {1});
    chain.compile(48000, 64);
    CHECK(buffer_latency(nn) == 0);
    const Signal in = ramp(4096, 0.5);
    CHECK(difference(chain.play({in})[0], in, 0) < 1e-6);
}

TEST_CASE("the audio is restarted with another vector size and another rate") {
    write_model("scale", "method forward 1 1 2 1 0");
    Patch nn("nn~ scale forward 512");
    nn.settle();
    Chain chain(nn.box(), {1});
    const Signal in = ramp(4096, 0.5);
    for (const auto& [rate, vector] : {std::pair(44100.0, 64L), {96000.0, 512L}, {22050.0, 32L}}) {
        chain.compile(rate, vector);
        const size_t delay = buffer_latency(nn);
        // What was heard before is faded out, so that nothing clicks.
        constexpr size_t kFade = 128;
        CHECK(difference(chain.play({in})[0], in, delay, kFade) < 1e-6);
    }
}

TEST_CASE("compiling the audio anew with nothing changed is not heard") {
    write_model("scale", "method forward 1 1 2 1 0");
    Patch nn("nn~ scale forward 256");
    nn.settle();
    Chain chain(nn.box(), {1});
    const Signal in = ramp(2048, 0.5);
    chain.compile(44100, 64);
    const size_t delay = buffer_latency(nn);
    Signal whole = chain.play({in})[0];
    chain.compile(44100, 64);
    const Signal rest = chain.play({in})[0];
    whole.insert(whole.end(), rest.begin(), rest.end());
    Signal twice = in;
    twice.insert(twice.end(), in.begin(), in.end());
    CHECK(difference(whole, twice, delay) < 1e-6);
}

TEST_CASE("without a model there is silence, and never what another object left in the memory") {
    Patch nn("nn~ void 1 2");
    Chain chain(nn.box(), {1});
    chain.compile(44100, 64);
    for (const Signal& channel : chain.play({ramp(640, 0.5)}))
        CHECK(channel == Signal(640, 0.0));
}

TEST_CASE("what cannot be prepared is silent, and says so") {
    write_model("scale", "method forward 1 1 2 1 0");
    Patch nn("nn~ scale");
    nn.settle();
    Chain chain(nn.box(), {1});
    Patch::host().take_console();
    chain.compile(-1, 64);
    CHECK(Patch::host().take_console().size() == 1);
    for (const Signal& channel : chain.play({ramp(640, 0.5)}))
        CHECK(channel == Signal(640, 0.0));
}

TEST_CASE("enable 0 is silence, bypass 1 the input as late as the model's output") {
    write_model("scale", "method forward 1 1 1 1 0\nattribute gain float");
    Patch nn("nn~ scale forward 256");
    nn.settle();
    nn.send("set gain 3");
    nn.send("get gain");
    nn.heard_until("attribute");
    Chain chain(nn.box(), {1});
    chain.compile(44100, 64);
    const size_t delay = buffer_latency(nn);
    const Signal in(8192, 0.25);
    nn.send("bypass 1");
    CHECK(chain.play({in})[0].back() == doctest::Approx(0.25).epsilon(0.001));
    nn.send("bypass 0");
    CHECK(chain.play({in})[0].back() == doctest::Approx(0.75).epsilon(0.001));
    nn.send("enable 0");
    CHECK(chain.play({in})[0].back() == 0);
    CHECK(delay > 0);
}

TEST_CASE("latents come out held, one value for each of the ratio's samples") {
    write_model("ratio", "method encode 1 1 1 8 0");
    Patch nn("nn~ ratio encode 64");
    nn.settle();
    Chain chain(nn.box(), {1});
    chain.compile(44100, 64);
    const size_t delay = buffer_latency(nn);
    const Signal heard = chain.play({ramp(2048, 0.5)})[0];
    for (size_t i = delay; i < heard.size(); ++i)
        CHECK(heard[i] == heard[i - (i - delay) % 8]);
}

TEST_CASE("another rate than the model's is told once, and not as an error") {
    write_model("slow", "rate 22050\nmethod forward 1 1 1 1 0");
    Patch nn("nn~ slow");
    nn.settle();
    Chain chain(nn.box(), {1});
    chain.compile(48000, 64);
    CHECK(nn.console_until("22050").starts_with("post: nn~: slow"));
}
