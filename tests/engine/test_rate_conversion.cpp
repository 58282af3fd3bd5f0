// A model at a rate of its own: what goes in comes out at the stated latency, to the sample, at
// every pair of rates, and nothing that was not there before.
#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include "driver.h"
#include "rate_conversion.h"

using namespace timbrel;
using namespace timbrel::test;

namespace {

const std::vector<double> kHostRates{22050, 32000, 44100, 48000, 88200, 96000, 192000};
const std::vector<double> kModelRates{44100, 48000, 16000};

// (rows, in) to (rows, out), block by block.
Signal play(RateConversion& conversion, const RateConversion::Layout& layout, const Signal& input,
            const RateConversion::Compute& compute) {
    const auto block = static_cast<size_t>(layout.host_block);
    const size_t inlets = static_cast<size_t>(layout.batch * layout.shape.in_channels);
    const size_t outlets = static_cast<size_t>(layout.batch * layout.shape.out_channels);
    const size_t length = input.size() / inlets;
    Signal output(outlets * length, 99.0F), in(inlets * block), out(outlets * block);
    for (size_t from = 0; from + block <= length; from += block) {
        for (size_t row = 0; row < inlets; ++row)
            std::copy_n(&input[row * length + from], block, &in[row * block]);
        conversion.process(in.data(), out.data(), static_cast<int64_t>(from), compute);
        for (size_t row = 0; row < outlets; ++row)
            std::copy_n(&out[row * block], block, &output[row * length + from]);
    }
    return output;
}

RateConversion::Compute hand_on(const RateConversion::Layout& layout) {
    const size_t size = layout.shape.input_size(layout.batch, layout.model_block);
    return [size](const float* in, float* out, int64_t) { std::copy_n(in, size, out); };
}

Signal round_trip(const RateConversion::Layout& layout, const Signal& input,
                  int* latency = nullptr) {
    RateConversion conversion(layout);
    if (latency)
        *latency = conversion.latency();
    return play(conversion, layout, input, hand_on(layout));
}

Signal sine(double frequency, double rate, int length) {
    Signal signal;
    for (int i = 0; i < length; ++i) {
        const double turns = frequency / rate * i;
        signal.push_back(static_cast<float>(std::sin(2 * std::numbers::pi * turns)));
    }
    return signal;
}

double decibels(double ratio) {
    return 20 * std::log10(ratio);
}

// Of the parts where a filter's beginning is over, as an amplitude.
double level(const Signal& signal, size_t from) {
    double sum = 0;
    for (size_t i = from; i < signal.size(); ++i)
        sum += double{signal[i]} * signal[i];
    return std::sqrt(2 * sum / static_cast<double>(signal.size() - from));
}

RateConversion::Layout audio(double host_rate, double model_rate, int host_block = 1024,
                             int model_block = 512) {
    return {.host_rate = host_rate,
            .model_rate = model_rate,
            .host_block = host_block,
            .model_block = model_block};
}

// A length of whole blocks, in which filters and a few blocks have their beginning.
int whole(const RateConversion::Layout& layout, int length) {
    return (length + layout.host_block - 1) / layout.host_block * layout.host_block;
}

}  // namespace

TEST_CASE("a sine comes out at the stated latency, at every pair of rates and size of block") {
    for (const double host : kHostRates) {
        for (const double model : kModelRates) {
            for (const auto& [host_block, model_block] :
                 {std::pair{64, 2048}, {1000, 64}, {2048, 2048}, {2229, 2048}, {1, 1}}) {
                const RateConversion::Layout layout = audio(host, model, host_block, model_block);
                CAPTURE(host);
                CAPTURE(model);
                CAPTURE(host_block);
                CAPTURE(model_block);
                int latency = 0;
                const int length = whole(layout, host > 100000 ? 50000 : 20000);
                const Signal in = sine(3000, host, length), out = round_trip(layout, in, &latency);
                Signal error;
                for (int i = latency + 2000; i < length; ++i)
                    error.push_back(out[static_cast<size_t>(i)] -
                                    in[static_cast<size_t>(i - latency)]);
                REQUIRE(error.size() > 1000);
                CHECK(decibels(level(error, 0)) < -110);
            }
        }
    }
}

TEST_CASE("an impulse comes out at the stated latency, as high as the lower rate leaves it") {
    for (const double host : kHostRates) {
        for (const double model : kModelRates) {
            CAPTURE(host);
            CAPTURE(model);
            const RateConversion::Layout layout = audio(host, model, 480, 256);
            int latency = 0;
            const Signal out = round_trip(layout, impulse(whole(layout, 12000), 3001), &latency);
            const auto peak = std::max_element(out.begin(), out.end()) - out.begin();
            CHECK(peak == 3001 + latency);
            // What passes reaches to between 0.93 and 1 of the lower Nyquist frequency.
            const double share = std::min(1.0, model / host);
            CHECK(out[static_cast<size_t>(peak)] > 0.93 * share);
            CHECK(out[static_cast<size_t>(peak)] <= share * 1.001);
        }
    }
}

TEST_CASE("the latency is what filters and blocks need, and no block in vain") {
    for (const double host : kHostRates) {
        for (const double model : kModelRates) {
            CAPTURE(host);
            CAPTURE(model);
            const RateConversion::Layout layout = audio(host, model, 1024, 512);
            RateConversion conversion(layout);
            // The filters reach 145 samples of the lower rate to either side of a sample, once on
            // the way in and once on the way out.
            const double filters = host == model ? 0 : 2 * 147 * host / std::min(host, model);
            const double wait = host == model ? 0 : 512 * host / model;
            CHECK(conversion.latency() <= wait + filters);
            CHECK(conversion.latency() >= wait + 0.97 * filters - 2);
        }
    }
}

TEST_CASE("there and back is flat to 20 kHz where both rates reach it") {
    for (const auto& [host, model] : {std::pair{48000.0, 44100.0},
                                      {44100.0, 48000.0},
                                      {96000.0, 44100.0},
                                      {192000.0, 48000.0}}) {
        const RateConversion::Layout layout = audio(host, model);
        for (const double frequency : {50.0, 1000.0, 10000.0, 18000.0, 20000.0}) {
            CAPTURE(host);
            CAPTURE(model);
            CAPTURE(frequency);
            int latency = 0;
            Signal in = sine(frequency, host, whole(layout, 60000));
            Signal out = round_trip(layout, in, &latency);
            // The same stretch of both.
            in = Signal(in.begin() + 9600, in.begin() + 48000);
            out.erase(out.begin(), out.begin() + 9600 + latency);
            out.resize(in.size());
            CHECK(std::abs(decibels(level(out, 0) / level(in, 0))) < 0.001);
        }
    }
}

TEST_CASE("what the lower rate cannot hold is gone, 100 dB down, and does not fold") {
    for (const auto& [host, model] :
         {std::pair{48000.0, 16000.0}, {96000.0, 44100.0}, {192000.0, 48000.0}}) {
        const RateConversion::Layout layout = audio(host, model);
        for (const double of_nyquist : {1.0, 1.02, 1.1, 1.5, 1.9}) {
            CAPTURE(host);
            CAPTURE(model);
            CAPTURE(of_nyquist);
            const Signal in = sine(of_nyquist * model / 2, host, whole(layout, 40000));
            CHECK(decibels(level(round_trip(layout, in), 12000)) < -100);
        }
    }
    // The model's own sound is not mirrored above its Nyquist frequency.
    const RateConversion::Layout layout = audio(96000, 16000);
    const Signal in = sine(7000, 96000, whole(layout, 40000));
    int latency = 0;
    const Signal out = round_trip(layout, in, &latency);
    Signal error;
    for (size_t i = 12000; i < out.size(); ++i)
        error.push_back(out[i] - in[i - static_cast<size_t>(latency)]);
    CHECK(decibels(level(error, 0)) < -100);
}

TEST_CASE("equal rates change nothing, to the bit") {
    for (const auto& [host_block, model_block] : {std::pair{512, 256}, {100, 64}, {64, 2048}}) {
        const RateConversion::Layout layout = audio(44100, 44100, host_block, model_block);
        int latency = 0;
        const int length = whole(layout, 9000);
        const Signal in = noise(length, 1), out = round_trip(layout, in, &latency);
        CHECK(latency == model_block - std::gcd(host_block, model_block));
        CHECK(Signal(out.begin(), out.begin() + latency) == Signal(static_cast<size_t>(latency)));
        CHECK(std::equal(in.begin(), in.end() - latency, out.begin() + latency));
    }
}

TEST_CASE("the model gets whole blocks of its own, never more at once than stated") {
    for (const double host : kHostRates) {
        for (const double model : {44100.0, 16000.0}) {
            for (const int host_block : {64, RateConversion::host_block(1024, host, model)}) {
                CAPTURE(host);
                CAPTURE(model);
                CAPTURE(host_block);
                const RateConversion::Layout layout = audio(host, model, host_block, 1024);
                RateConversion conversion(layout);
                Signal in(static_cast<size_t>(host_block)), out(in.size());
                int64_t blocks = 0;
                int most = 0;
                const int64_t calls = 1 + 40000 / host_block;
                for (int64_t call = 0; call < calls; ++call) {
                    int now = 0;
                    conversion.process(in.data(), out.data(), call * host_block,
                                       [&](const float*, float* output, int64_t position) {
                                           CHECK(position == 1024 * blocks);
                                           std::fill_n(output, 1024, 0.0F);
                                           ++blocks;
                                           ++now;
                                       });
                    most = std::max(most, now);
                }
                CHECK(most <= conversion.blocks_per_call());
                CHECK(conversion.blocks_per_call() - most <= 1);
                const double due = static_cast<double>(calls * host_block) * model / host / 1024;
                CHECK(blocks <= due);
                CHECK(static_cast<double>(blocks) > due - 2);
            }
        }
    }
    for (const double host : kHostRates) {
        const int block = RateConversion::host_block(2048, host, 44100);
        CHECK(RateConversion(audio(host, 44100, block, 2048)).blocks_per_call() == 1);
        CHECK(RateConversion(audio(host, 44100, block + 1, 2048)).blocks_per_call() == 2);
    }
}

TEST_CASE("an outlet of latents holds each value for as long as a frame lasts, on average") {
    for (const double host : kHostRates) {
        for (const double model : kModelRates) {
            CAPTURE(host);
            CAPTURE(model);
            RateConversion::Layout layout = audio(host, model, 480, 256);
            layout.shape.out_ratio = 64;
            const double frame = 64 * host / model;
            RateConversion conversion(layout);
            int64_t frames = 0;
            const Signal out =
                play(conversion, layout, Signal(48000), [&](const float*, float* output, int64_t) {
                    for (int i = 0; i < 4; ++i)
                        output[i] = static_cast<float>(++frames);
                });
            const int latency = conversion.latency();
            for (int i = 0; i < 48000; ++i) {
                const double at = (i - latency) / frame;
                const int expected = i < latency ? 0 : 1 + static_cast<int>(at + 1e-9);
                if (out[static_cast<size_t>(i)] != static_cast<float>(expected)) {
                    CAPTURE(i);
                    REQUIRE(out[static_cast<size_t>(i)] == static_cast<float>(expected));
                }
            }
        }
    }
}

TEST_CASE("an inlet of latents gives the last sample before a frame ends") {
    for (const double host : kHostRates) {
        for (const double model : kModelRates) {
            CAPTURE(host);
            CAPTURE(model);
            RateConversion::Layout layout = audio(host, model, 480, 256);
            layout.shape.in_ratio = 64;
            const double frame = 64 * host / model;
            RateConversion conversion(layout);
            Signal counting, seen;
            for (int i = 0; i < 48000; ++i)
                counting.push_back(static_cast<float>(i));
            play(conversion, layout, counting, [&](const float* input, float* output, int64_t) {
                seen.insert(seen.end(), input, input + 4);
                std::fill_n(output, 256, 0.0F);
            });
            REQUIRE(seen.size() > 48000 / frame - 8);
            for (size_t i = 0; i < seen.size(); ++i) {
                const double end = static_cast<double>(i + 1) * frame;
                CHECK(seen[i] == std::ceil(end - 1e-9) - 1);
            }
        }
    }
}

TEST_CASE("what was held at an outlet is what an inlet of the same rates takes again") {
    for (const double host : kHostRates) {
        CAPTURE(host);
        RateConversion::Layout encode = audio(host, 44100, 480, 256), decode = encode;
        encode.shape.out_ratio = decode.shape.in_ratio = 64;
        RateConversion encoder(encode), decoder(decode);
        const Signal values = noise(100000, 1);
        size_t given = 0;
        Signal held = play(encoder, encode, Signal(96000), [&](const float*, float* out, int64_t) {
            std::copy_n(&values[given], 4, out);
            given += 4;
        });
        // Frames are aligned where what came first comes first.
        held.erase(held.begin(), held.begin() + encoder.latency());
        Signal taken;
        play(decoder, decode, held, [&](const float* in, float* out, int64_t) {
            taken.insert(taken.end(), in, in + 4);
            std::fill_n(out, 256, 0.0F);
        });
        REQUIRE(taken.size() > 300);
        CHECK(taken == Signal(values.begin(), values.begin() + static_cast<int>(taken.size())));
    }
}

TEST_CASE("latents in and audio out come at the stated latency, too") {
    RateConversion::Layout layout = audio(48000, 44100, 480, 256);
    layout.shape.in_ratio = 64;
    RateConversion conversion(layout);
    // The level steps up at sample 20000; so does the output, but for the half of a frame.
    Signal step(40000);
    std::fill(step.begin() + 20000, step.end(), 1.0F);
    const Signal out = play(conversion, layout, step, [](const float* in, float* output, int64_t) {
        for (int i = 0; i < 256; ++i)
            output[i] = in[i / 64];
    });
    const auto rise = std::find_if(out.begin(), out.end(), [](float x) { return x > 0.5F; });
    const double frame = 64.0 * 48000 / 44100;
    const auto delay = rise - out.begin() - 20000 - conversion.latency();
    CHECK(std::abs(static_cast<double>(delay)) <= frame);
}

TEST_CASE("examples and channels keep to themselves") {
    RateConversion::Layout layout = audio(48000, 44100, 480, 256);
    layout.shape = {.in_channels = 2, .out_channels = 2};
    layout.batch = 3;
    const int length = whole(layout, 6000);
    Signal in = noise(6 * length, 1);
    std::fill_n(in.begin() + 4 * length, length, 0.0F);
    const Signal out = round_trip(layout, in);
    for (int row = 0; row < 6; ++row) {
        const auto begin = in.begin() + row * length;
        const auto from = out.begin() + row * length;
        const Signal alone =
            round_trip(audio(48000, 44100, 480, 256), Signal(begin, begin + length));
        CHECK(Signal(from, from + length) == alone);
    }
}

TEST_CASE("a reset forgets all that was played") {
    for (const int ratio : {1, 64}) {
        RateConversion::Layout layout = audio(48000, 44100, 500, 256);
        layout.shape.in_ratio = layout.shape.out_ratio = ratio;
        RateConversion conversion(layout);
        const Signal in = noise(10000, 1);
        const Signal first = play(conversion, layout, in, hand_on(layout));
        play(conversion, layout, noise(3500, 2), hand_on(layout));
        conversion.reset();
        CHECK(play(conversion, layout, in, hand_on(layout)) == first);
    }
}

TEST_CASE("the model's clock goes on while blocks are left out") {
    const RateConversion::Layout layout = audio(48000, 44100, 480, 441);
    RateConversion conversion(layout);
    std::vector<int64_t> positions;
    const Signal in(480);
    Signal out(480);
    const auto process = [&](int64_t position) {
        conversion.process(in.data(), out.data(), position,
                           [&](const float*, float*, int64_t at) { positions.push_back(at); });
    };
    for (int64_t block = 100; block < 110; ++block)
        process(480 * block);
    for (int64_t block = 150; block < 160; ++block)
        process(480 * block);
    REQUIRE(positions.size() >= 19);
    // The first blocks of the model's wait for the filter.
    CHECK(positions[0] == 44100);
    CHECK(positions[1] == 44100 + 441);
    CHECK(positions.back() - positions.front() ==
          static_cast<int64_t>(positions.size() - 1 + 40) * 441);
}

TEST_CASE("a block that fails is silent, is reported, and shifts nothing") {
    const RateConversion::Layout layout = audio(48000, 44100, 480, 64);
    RateConversion conversion(layout);
    const Signal in = sine(1000, 48000, 9600);
    Signal out(in.size());
    int block = 0, failed = 0;
    for (size_t from = 0; from < in.size(); from += 480) {
        try {
            conversion.process(&in[from], &out[from], static_cast<int64_t>(from),
                               [&](const float* input, float* output, int64_t) {
                                   std::copy_n(input, 64, output);
                                   if (++block == 50)
                                       throw std::runtime_error("the fiftieth");
                               });
        } catch (const std::runtime_error& error) {
            CHECK(std::string(error.what()) == "the fiftieth");
            ++failed;
        }
    }
    CHECK(failed == 1);
    const Signal whole_out = round_trip(layout, in);
    const double frame = 64.0 * 48000 / 44100;
    const auto silent = static_cast<size_t>(conversion.latency() - 64 + 49 * frame);
    CHECK(std::equal(out.begin(), out.begin() + static_cast<int>(silent) - 300, whole_out.begin()));
    CHECK(out != whole_out);
    CHECK(std::equal(out.begin() + static_cast<int>(silent) + 500, out.end(),
                     whole_out.begin() + static_cast<int>(silent) + 500));
}

TEST_CASE("rates that nobody can convert between are refused") {
    for (const auto& [host, model] :
         {std::pair{0.0, 44100.0}, {44100.0, -1.0}, {44100.0, std::nan("")}, {192000.0, 100.0}}) {
        CHECK_THROWS_AS(RateConversion(audio(host, model)), std::runtime_error);
    }
    CHECK_THROWS_WITH(RateConversion(audio(192000, 100)),
                      "cannot convert between 192000.000000 Hz and 100.000000 Hz");
}
