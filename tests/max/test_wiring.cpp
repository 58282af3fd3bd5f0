// Max's channels and the model's, for the three kinds of object.
#include <doctest/doctest.h>

#include <algorithm>

#include "wiring.h"

using namespace timbrel::max;

namespace {

// Which of Max's channels each of the engine's is; -1 where it is none.
struct Connected {
    std::vector<int> ins, outs;
};

Connected connect(const Shape& shape, const std::vector<long>& widths, long in_count,
                  long out_count) {
    Wiring wiring(shape, widths);
    std::vector<double> memory(static_cast<size_t>(in_count + out_count));
    std::vector<double*> ins, outs;
    for (long i = 0; i < in_count; ++i)
        ins.push_back(&memory[static_cast<size_t>(i)]);
    for (long i = 0; i < out_count; ++i)
        outs.push_back(&memory[static_cast<size_t>(in_count + i)]);
    wiring.connect(ins.data(), in_count, outs.data(), out_count);
    Connected connected;
    const auto index = [](const double* pointer, const std::vector<double*>& list) {
        const auto found = std::find(list.begin(), list.end(), pointer);
        return found == list.end() ? -1 : static_cast<int>(found - list.begin());
    };
    for (int i = 0; i < shape.examples * shape.channels_in; ++i)
        connected.ins.push_back(index(wiring.inputs()[i], ins));
    for (int i = 0; i < shape.examples * shape.channels_out; ++i)
        connected.outs.push_back(index(wiring.outputs()[i], outs));
    return connected;
}

}  // namespace

TEST_CASE("nn~: one channel of the model at each inlet and outlet") {
    const Connected connected = connect({Kind::single, 2, 3, 1, 0}, {1, 1}, 2, 3);
    CHECK(connected.ins == std::vector{0, 1});
    CHECK(connected.outs == std::vector{0, 1, 2});
}

TEST_CASE("mc.nn~: an inlet per channel of the model, an example per channel of its cable") {
    // Inlet 0 brings examples 0 1 2, inlet 1 only example 0.
    const Connected connected = connect({Kind::mc, 2, 1, 3, 0}, {3, 1}, 4, 3);
    CHECK(connected.ins == std::vector{0, 3, 1, -1, 2, -1});
    CHECK(connected.outs == std::vector{0, 1, 2});
}

TEST_CASE("mc.nn~: outlets wider or narrower than there are examples") {
    CHECK(connect({Kind::mc, 1, 2, 2, 3}, {2}, 2, 6).outs == std::vector{0, 3, 1, 4});
    CHECK(connect({Kind::mc, 1, 2, 2, 1}, {2}, 2, 2).outs == std::vector{0, 1, -1, -1});
}

TEST_CASE("mcs.nn~: an inlet per example, a channel of the model per channel of its cable") {
    // The first cable has one channel too many, the second one too few.
    const Connected connected = connect({Kind::mcs, 2, 3, 2, 0}, {3, 1}, 4, 6);
    CHECK(connected.ins == std::vector{0, 1, 3, -1});
    CHECK(connected.outs == std::vector{0, 1, 2, 3, 4, 5});
}

TEST_CASE("outputs that no channel of the model reaches are silent") {
    const Shape shape{Kind::mcs, 1, 1, 2, 2};
    Wiring wiring(shape, {1, 1});
    std::vector<double> in(4, 1.0), outs[4];
    std::vector<double*> out;
    for (auto& each : outs)
        out.push_back(each.insert(each.end(), 4, 7.0).base());
    wiring.clear_unreached(out.data(), 4, 4);
    CHECK(outs[0] == std::vector(4, 7.0));
    CHECK(outs[1] == std::vector(4, 0.0));
    CHECK(outs[2] == std::vector(4, 7.0));
    CHECK(outs[3] == std::vector(4, 0.0));
}

TEST_CASE("more channels than Max gives are silent instead of read from nowhere") {
    const Connected connected = connect({Kind::single, 3, 2, 1, 0}, {1, 1, 1}, 1, 1);
    CHECK(connected.ins == std::vector{0, -1, -1});
    CHECK(connected.outs == std::vector{0, -1});
}

TEST_CASE("more outputs than were wired are silent") {
    const Wiring wiring({Kind::single, 1, 1, 1, 0}, {1});
    std::vector<double> first(4, 7.0), second(4, 7.0);
    double* const outs[] = {first.data(), second.data()};
    wiring.clear_unreached(outs, 2, 4);
    CHECK(first == std::vector(4, 7.0));
    CHECK(second == std::vector(4, 0.0));
}
