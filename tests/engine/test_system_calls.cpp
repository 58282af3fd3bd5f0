// What the audio thread asks of the kernel: nothing but to wake a worker, whatever else goes on.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "crowd.h"
#include "system_call_trap.h"

using namespace timbrel;
using namespace timbrel::test;

namespace {

// The trapped thread never comes back from what is planted in it, and what it held stays held: so
// all of it happens in a process of its own. Its answer is the number of the trapped call.
long trapped_in_child(const std::function<void()>& planted) {
    std::array<int, 2> channel{};
    REQUIRE(pipe(channel.data()) == 0);
    const pid_t child = fork();
    if (child == 0) {
        Crowd crowd;
        const long call = crowd.run_beside([&] {
            return run_trapped([&] {
                crowd.play(100, 0);
                planted();
            });
        });
        const bool told = write(channel[1], &call, sizeof(call)) == sizeof(call);
        _exit(told ? 0 : 1);
    }
    long call = -2;
    CHECK(read(channel[0], &call, sizeof(call)) == sizeof(call));
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    close(channel[0]);
    close(channel[1]);
    return call;
}

}  // namespace

TEST_CASE(
    "a million calls of any size, while streams come and go and blocks are late: no system "
    "call but to wake a worker") {
    constexpr int kCalls = 1'000'000, kStreams = 200;
    Crowd crowd;
    const long call =
        crowd.run_beside([&] { return run_trapped([&] { crowd.play(kCalls, kStreams); }); });
    CAPTURE(call);
    CHECK(call == -1);
    const Crowd::Tally tally = crowd.tally();
    MESSAGE(tally.calls << " calls, " << tally.frames << " frames, " << tally.streams
                        << " streams in " << tally.layouts << " layouts, " << tally.blocks
                        << " blocks computed, " << tally.late << " late, " << tally.skipped
                        << " skipped, " << tally.swaps << " swaps");
    CHECK(tally.calls >= kCalls);
    CHECK(tally.streams >= kStreams);
    CHECK(tally.layouts >= kStreams);
    CHECK(tally.blocks > 0);
    CHECK(tally.late > 0);
    CHECK(tally.swaps >= kStreams);
    CHECK(tally.skipped > 0);
}

TEST_CASE("the trap is not fooled: a call, an allocation and a lock beside process are caught") {
    CHECK(trapped_in_child([] {}) == -1);
    CHECK(trapped_in_child([] { syscall(SYS_getppid); }) == SYS_getppid);
    CHECK(trapped_in_child([] { std::this_thread::yield(); }) == SYS_sched_yield);
    // More than any heap has at hand.
    CHECK(trapped_in_child([] { *static_cast<volatile char*>(std::malloc(1 << 30)) = 1; }) ==
          SYS_mmap);
    // Held by another: taking a free one costs no call, which is for the compiler and
    // RealtimeSanitizer to see.
    std::mutex mutex;
    const std::lock_guard held(mutex);
    CHECK(trapped_in_child([&] { mutex.lock(); }) == SYS_futex);
}
