// Messages of several threads come to one stream in order, and nobody waits.
#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "conversation.h"

using namespace timbrel::max;
using timbrel::host::text_of;

namespace {

Said numbered(int number, bool main_only = false) {
    return {"say", {static_cast<double>(number)}, main_only};
}

}  // namespace

TEST_CASE("a message that may is carried out on the thread that it came on") {
    Conversation conversation;
    std::vector<std::string> done;
    const auto carry_out = [&](const Said& said) { done.push_back(text_of(said.values[0])); };
    conversation.say(numbered(1));
    conversation.go_on(false, carry_out);
    CHECK(done == std::vector<std::string>{"1"});
}

TEST_CASE("what comes after a message for the main thread waits with it") {
    Conversation conversation;
    std::vector<std::string> done;
    const auto carry_out = [&](const Said& said) { done.push_back(text_of(said.values[0])); };
    conversation.say(numbered(1));
    conversation.say(numbered(2, true));
    conversation.say(numbered(3));
    conversation.go_on(false, carry_out);
    CHECK(done == std::vector<std::string>{"1"});
    conversation.say(numbered(4));
    conversation.go_on(false, carry_out);
    CHECK(done == std::vector<std::string>{"1"});
    const Conversation::Turn turn = conversation.take_turn();
    conversation.carry_out_waiting(true, carry_out);
    CHECK(done == std::vector<std::string>{"1", "2", "3", "4"});
}

TEST_CASE("who comes while another thread has the turn leaves the message to it and goes") {
    Conversation conversation;
    std::vector<std::string> done;
    const auto carry_out = [&](const Said& said) { done.push_back(text_of(said.values[0])); };
    {
        const Conversation::Turn turn = conversation.take_turn();
        std::thread([&] {
            conversation.say(numbered(1));
            conversation.go_on(false, carry_out);  // returns
        }).join();
        CHECK(done.empty());
    }
    conversation.go_on(false, carry_out);
    CHECK(done == std::vector<std::string>{"1"});
}

TEST_CASE("every message of four threads is carried out once, those of each in its order") {
    constexpr int kThreads = 4, kMessages = 2000;
    Conversation conversation;
    std::vector<std::vector<int>> done(kThreads);
    // Unguarded on purpose: only whose turn it is writes here.
    const auto carry_out = [&](const Said& said) {
        const auto number = static_cast<int>(std::get<double>(said.values[0]));
        done[static_cast<size_t>(number / kMessages)].push_back(number % kMessages);
    };
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < kMessages; ++i) {
                conversation.say(numbered(thread * kMessages + i));
                conversation.go_on(thread == 0, carry_out);
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    conversation.go_on(true, carry_out);
    for (const auto& each : done) {
        CHECK(each.size() == kMessages);
        CHECK(std::is_sorted(each.begin(), each.end()));
    }
}
