// Threads for what takes long, as both hosts use them.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "host/threads.h"

using timbrel::host::Threads;
using namespace std::chrono_literals;

namespace {

constexpr auto kForever = std::chrono::milliseconds(60s);

// Destroyed when its thread has nothing left to do but to die.
struct Last {
    ~Last() {
        for (int i = 0; i < 20; ++i)
            std::this_thread::yield();
        if (gone)
            *gone = true;
    }
    std::shared_ptr<std::atomic<bool>> gone;
};

}  // namespace

TEST_CASE("at the end every thread has died, and what it held is gone") {
    for (int round = 0; round < 50; ++round) {
        Threads threads;
        const auto held = std::make_shared<int>();
        const auto gone = std::make_shared<std::atomic<bool>>(false);
        threads.begin([held, gone] {
            thread_local Last last;
            last.gone = gone;
        });
        CHECK(threads.end(kForever));
        CHECK(*gone);
        CHECK(held.use_count() == 1);
        CHECK(threads.count() == 0);
    }
}

TEST_CASE("threads that are done are joined by those that come after them") {
    Threads threads;
    for (int i = 0; i < 200; ++i) {
        const auto ran = std::make_shared<std::promise<void>>();
        threads.begin([ran] { ran->set_value(); });
        ran->get_future().wait();
    }
    CHECK(threads.count() < 100);
}

TEST_CASE("a thread that hangs is waited for with a limit, and then abandoned") {
    const auto go_on = std::make_shared<std::promise<void>>();
    const auto came_back = std::make_shared<std::promise<void>>();
    {
        Threads threads;
        threads.begin([go_on, came_back] {
            go_on->get_future().wait();
            came_back->set_value();
        });
        CHECK(!threads.end(5ms));
        CHECK(threads.count() == 0);
    }
    go_on->set_value();
    came_back->get_future().wait();
}
