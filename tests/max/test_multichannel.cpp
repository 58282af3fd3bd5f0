// mc.nn~ and mcs.nn~: which cable's channel is whose.
#include <doctest/doctest.h>

#include <algorithm>

#include "patch.h"

using namespace maxhost;

namespace {

// The last sample of each output for inputs of one value each.
std::vector<double> levels(Chain& chain, const std::vector<double>& inputs) {
    std::vector<Signal> ins;
    for (const double level : inputs)
        ins.emplace_back(4096, level);
    std::vector<double> out;
    for (const Signal& channel : chain.play(ins))
        out.push_back(channel.back());
    return out;
}

}  // namespace

namespace doctest {
template <>
struct StringMaker<std::vector<double>> {
    static String convert(const std::vector<double>& levels) {
        std::string text;
        for (const double level : levels)
            text += std::to_string(level) + " ";
        return text.c_str();
    }
};
}  // namespace doctest

TEST_CASE("mc.nn~ has as many examples as its widest cable has channels") {
    write_model("pair", "method forward 2 1 2 1 0");
    Patch mc("mc.nn~ pair forward 64");
    CHECK(mc->signal_inlets == 2);
    CHECK(mc->outlets == std::vector<std::string>{"", "multichannelsignal", "multichannelsignal"});
    mc.settle();
    Chain chain(mc.box(), {3, 1});
    chain.compile(44100, 64);
    CHECK(chain.outlet_widths() == std::vector<long>{3, 3});
    mc.settle();
    // Output 0 is input 0, output 1 twice input 1, of which two examples are missing.
    CHECK(levels(chain, {1, 2, 3, 10}) == std::vector<double>{1, 2, 3, 20, 0, 0});
}

TEST_CASE("mc.nn~ follows another number of channels, with all that was asked of it") {
    write_model("gain", "method forward 1 1 1 1 0\nmethod other 1 1 1 1 0\nattribute gain float");
    Patch mc("mc.nn~ gain forward 64");
    mc.settle();
    mc.send("method other");
    mc.send("buffer 128");
    mc.send("set gain 4");
    mc.settle();
    Chain chain(mc.box(), {2});
    chain.compile(44100, 64);
    mc.settle();
    CHECK(levels(chain, {1, 2}) == std::vector<double>{4, 8});
    chain.set_widths({5});
    chain.compile(44100, 64);
    CHECK(chain.outlet_widths() == std::vector<long>{5});
    mc.settle();
    CHECK(levels(chain, {1, 2, 3, 4, 5}) == std::vector<double>{4, 8, 12, 16, 20});
    mc.send("bang");
    const auto heard = mc.heard();
    CHECK(std::find(heard.begin(), heard.end(), "bufsize 128") != heard.end());
    CHECK(std::find(heard.begin(), heard.end(), "method other") != heard.end());
}

TEST_CASE("an object without a cable has one example") {
    write_model("pair", "method forward 2 1 2 1 0");
    Patch mc("mc.nn~ pair forward 64");
    mc.settle();
    Chain chain(mc.box(), {});
    chain.compile(44100, 64);
    CHECK(chain.outlet_widths() == std::vector<long>{1, 1});
}

TEST_CASE("mcs.nn~ has an inlet per example, and the model's channels in each cable") {
    write_model("wide", "method forward 2 1 3 1 0");
    Patch mcs("mcs.nn~ wide forward 2 64");
    CHECK(mcs->signal_inlets == 2);
    CHECK(mcs->outlets == std::vector<std::string>{"", "multichannelsignal", "multichannelsignal"});
    mcs.settle();
    Chain chain(mcs.box(), {2, 1});
    chain.compile(44100, 64);
    CHECK(chain.outlet_widths() == std::vector<long>{3, 3});
    // Outputs are 1, 2, 3 times inputs 0, 1, 0 of the example; the second lacks its input 1.
    CHECK(levels(chain, {1, 10, 5}) == std::vector<double>{1, 20, 3, 5, 0, 15});
}

TEST_CASE("@chans overrides the width of the outlets") {
    write_model("wide", "method forward 1 1 3 1 0");
    Patch mcs("mcs.nn~ wide forward 1 64 @chans 2");
    mcs.settle();
    Chain narrow(mcs.box(), {1});
    narrow.compile(44100, 64);
    CHECK(narrow.outlet_widths() == std::vector<long>{2});
    CHECK(levels(narrow, {1}) == std::vector<double>{1, 2});
    Patch mc("mc.nn~ wide forward 64 @chans 3");
    mc.settle();
    Chain wide(mc.box(), {2});
    wide.compile(44100, 64);
    CHECK(wide.outlet_widths() == std::vector<long>{3, 3, 3});
    mc.settle();
    CHECK(levels(wide, {1, 5}) == std::vector<double>{1, 5, 0, 2, 10, 0, 3, 15, 0});
}

TEST_CASE("another @chans while the audio is on has Max compile it again") {
    write_model("wide", "method forward 1 1 3 1 0");
    Patch mcs("mcs.nn~ wide forward 1 64");
    mcs.settle();
    Chain chain(mcs.box(), {1});
    chain.compile(44100, 64);
    mcs.send("chans 1");
    Patch::host().serve_queue();
    CHECK(chain.broken());
    chain.compile(44100, 64);
    CHECK(chain.outlet_widths() == std::vector<long>{1});
}

TEST_CASE("void forms") {
    Patch mc("mc.nn~ void 2 3 512");
    CHECK(mc->signal_inlets == 2);
    CHECK(mc->outlets.size() == 4);
    Patch mcs("mcs.nn~ void 4 512");
    CHECK(mcs->signal_inlets == 4);
    CHECK(mcs->outlets.size() == 5);
}

TEST_CASE("nn~ takes the first channel of a multichannel cable") {
    write_model("plain", "method forward 1 1 1 1 0");
    Patch nn("nn~ plain forward 64");
    nn.settle();
    Chain chain(nn.box(), {4});
    chain.compile(44100, 64);
    CHECK(levels(chain, {1}) == std::vector<double>{1});
}
