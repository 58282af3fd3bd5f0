// The declarations that the host is built with against those that the objects are built with: the
// same where there is no SDK, and where there is (preset `max`) the same as the SDK's.
#include <doctest/doctest.h>

#include <string>

std::string layout_ours();
std::string layout_sdk();

TEST_CASE("the host's declarations have the layouts and the constants of those of the objects") {
    CHECK(layout_ours() == layout_sdk());
}
