// All of the tests run under RealtimeSanitizer; these show that it would have spoken.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>

#include "driver.h"
#include "fake_model.h"

using namespace timbrel;
using namespace timbrel::test;

namespace {

// Plays a block in real time with `planted` beside it, as part of what the host does on its audio
// thread, which the compiler would refuse if it were allowed to look.
void play_with(Stream& stream, const std::function<void()>& planted) noexcept TIMBREL_NONBLOCKING {
    std::array<float, 64> samples{};
    const float* in = samples.data();
    float* out = samples.data();
    stream.process(&in, &out, 64);
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wfunction-effects"
    planted();
#pragma clang diagnostic pop
}

// What the sanitizer ends a process for, which is one of its own. Empty: nothing.
std::string verdict(const std::function<void(Stream&)>& planted) {
    std::array<int, 2> channel{};
    REQUIRE(pipe(channel.data()) == 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(channel[1], STDERR_FILENO);
        WorkerPool pool(1);
        Player player(pool, identity(), {.block = 64});
        player.prepare(48000, 64, false, -1);
        play_with(*player.stream, [&] { planted(*player.stream); });
        _exit(0);
    }
    close(channel[1]);
    std::string text;
    std::array<char, 4096> piece{};
    for (ssize_t count; (count = read(channel[0], piece.data(), piece.size())) > 0;)
        text.append(piece.data(), static_cast<size_t>(count));
    close(channel[0]);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(text.empty() == (status == 0));
    // "... real-time unsafe function `malloc` in real-time context!"
    const size_t from = text.find('`') + 1;
    return from ? text.substr(from, text.find('`', from) - from) : text;
}

}  // namespace

TEST_CASE("RealtimeSanitizer ends a process whose audio thread allocates, locks, calls or waits") {
    CHECK(verdict([](Stream&) {}) == "");
    CHECK(verdict([](Stream&) { *static_cast<volatile char*>(std::malloc(1)) = 1; }) == "malloc");
    CHECK(verdict([](Stream&) { std::mutex().lock(); }) == "pthread_mutex_lock");
    CHECK(verdict([](Stream&) { (void)!read(-1, nullptr, 0); }) == "read");
    CHECK(verdict([](Stream& stream) { stream.prepare(48000, 32, false); }) != "");
    CHECK(verdict([](Stream& stream) {
              std::array<float, 64> samples{};
              const float* in = samples.data();
              float* out = samples.data();
              stream.process_blocking(&in, &out, 64);
          }).find("play<true, float>") != std::string::npos);
}
