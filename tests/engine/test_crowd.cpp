// Everything at once, for the sanitizers to look at.
#include <doctest/doctest.h>

#include "crowd.h"

using namespace timbrel::test;

TEST_CASE("streams come, change and go under an audio thread that plays on, and blocks are late") {
    Crowd crowd;
    crowd.run_beside([&] {
        crowd.play(30'000, 8);
        return 0L;
    });
    const Crowd::Tally tally = crowd.tally();
    CHECK(tally.calls >= 30'000);
    CHECK(tally.streams >= 8);
    CHECK(tally.blocks > 0);
    CHECK(tally.late > 0);
    CHECK(tally.swaps >= 20);
}
