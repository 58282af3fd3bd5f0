// Objects on Max's threads: the audio runs, the scheduler sends, the main thread edits. Sound is
// not looked at here, but every race: this is what the sanitizers read.
#include <doctest/doctest.h>

#include <atomic>

#include "patch.h"

using namespace maxhost;

namespace {

// Runs until the end of the scope.
class Running {
  public:
    explicit Running(std::function<void()> step)
        : thread_([this, step = std::move(step)] {
              while (!stop_)
                  step();
          }) {}
    ~Running() {
        stop_ = true;
        thread_.join();
    }

  private:
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

// Lets one thread speak as fast as another listens: nobody plays faster for long.
class Pace {
  public:
    void listened() { ++rounds_; }
    // Says the next thing, where the other has listened to all before.
    template <typename Say>
    void next(const Say& say) {
        if (said_ < rounds_.load()) {
            say(said_++);
        } else {
            std::this_thread::yield();
        }
    }

  private:
    std::atomic<int> rounds_{0};
    int said_ = 0;
};

const char* kWords =
    "method forward 1 1 1 1 0\nmethod other 1 1 1 1 0\nattribute gain float\n"
    "attribute wave buffer";

}  // namespace

TEST_CASE("objects are deleted while they compute") {
    write_model("busy", kWords);
    for (int round = 0; round < 20; ++round) {
        Patch nn("nn~ busy forward 64");
        Chain chain(nn.box(), {1});
        nn.settle();
        chain.compile(44100, 16);
        const Running audio([&] { chain.tick({Signal(16, 0.5)}); });
        for (int i = 0; i < 10; ++i) {
            Host::get().serve_queue();
            std::this_thread::yield();
        }
        Host::get().remove(nn.release());
    }
}

TEST_CASE("the audio is restarted with other vector sizes while it plays") {
    write_model("busy", kWords);
    Patch nn("nn~ busy forward 64");
    Chain chain(nn.box(), {1});
    nn.settle();
    std::atomic<long> vector{16};
    chain.compile(44100, vector);
    const Running audio([&] { chain.tick({Signal(1024, 0.5)}); });
    for (const long next : {64L, 1L, 512L, 16L, 1024L, 64L}) {
        chain.compile(44100, next);
        for (int i = 0; i < 20; ++i) {
            Host::get().run_scheduler(20);
            Host::get().serve_queue();
        }
    }
}

TEST_CASE("the audio is compiled anew while it plays on as it was") {
    write_model("busy", kWords);
    Patch mc("mc.nn~ busy forward 64");
    Chain before(mc.box(), {3}), after(mc.box(), {2});
    mc.settle();
    before.compile(44100, 16);
    {
        // As Max's mixer lets it, to fade from the one to the other.
        const Running audio([&] { before.tick(std::vector<Signal>(3, Signal(16, 0.5))); });
        for (long round = 0; round < 100; ++round) {
            after.set_widths({1 + round % 4});
            after.compile(44100, 16);
            Host::get().serve_queue();
        }
    }
    after.set_widths({2});
    after.compile(44100, 16);
    // Nobody writes to what is not wired any more: it is silent, not what lay there.
    const Signal third = before.tick(std::vector<Signal>(3, Signal(16, 0.5)))[2];
    CHECK(third == Signal(16, 0.0));
    mc.send("offline 1");
    const auto heard = after.play(std::vector<Signal>(2, Signal(4096, 0.5)));
    CHECK(heard[0].back() == doctest::Approx(0.5));
    CHECK(heard[1].back() == doctest::Approx(0.5));
}

TEST_CASE("models are swapped and attributes set by the scheduler's thread while others play") {
    write_model("busy", kWords);
    write_model("calm", kWords);
    Patch nn("nn~ busy forward 64");
    Patch mc("mc.nn~ busy forward 64");
    Buffer& buffer = Host::get().make_buffer("shared", 1, 44100, {0.5F});
    Chain chain(nn.box(), {1}), wide(mc.box(), {2});
    nn.settle();
    chain.compile(44100, 16);
    wide.compile(44100, 16);
    {
        const Running audio([&] {
            chain.tick({Signal(16, 0.5)});
            wide.tick({Signal(16, 0.5), Signal(16, 0.25)});
        });
        Pace pace;
        const Running scheduler([&] {
            Host::get().run_scheduler(1);
            constexpr const char* kMessages[] = {
                "load calm",       "set gain 2", "load busy", "method other", "buffer 128",
                "set wave shared", "latency",    "enable 0",  "enable 1",     "track_buffers 1"};
            pace.next([&](int number) {
                nn.send(kMessages[number % 10]);
                mc.send(kMessages[number % 10]);
            });
        });
        for (int i = 0; i < 300; ++i) {
            Host::get().serve_queue();
            pace.listened();
            nn.send("bang");
            Host::get().assistance(nn.box(), true, 0);
            if (i % 50 == 0) {
                wide.set_widths({1 + i / 50});
                wide.compile(44100, 16);
                Host::get().change_buffer(buffer, {static_cast<float>(i)});
            }
        }
    }
    nn.send("load calm");
    CHECK(!nn.heard_until("loaded").empty());
    Host::get().remove_buffer("shared");
}

TEST_CASE("the scheduler in the audio interrupt: messages on the thread that renders") {
    write_model("busy", kWords);
    Patch nn("nn~ busy forward 64");
    Chain chain(nn.box(), {1});
    nn.settle();
    chain.compile(44100, 16);
    {
        Pace pace;
        const Running audio([&] {
            Host::get().run_scheduler(1);
            pace.next([&](int number) {
                nn.send("set gain " + std::to_string(number % 7));
                nn.send("load busy");
            });
            chain.tick({Signal(16, 0.5)});
        });
        for (int i = 0; i < 300; ++i) {
            Host::get().serve_queue();
            pace.listened();
            nn.send("get gain");
        }
    }
    nn.heard();
    nn.send("set gain 5");
    nn.send("get gain");
    std::string last;
    while (last != "attribute gain 5")
        last = nn.heard_until("attribute").back();
}

TEST_CASE("with the NonRealTime driver nothing is late and two renderings are the same") {
    write_model("busy", kWords);
    std::vector<Signal> renderings;
    for (int i = 0; i < 2; ++i) {
        Patch nn("nn~ busy forward 64");
        Chain chain(nn.box(), {1});
        chain.compile(44100, 16);
        nn.settle();
        renderings.push_back(chain.play({ramp(4096, 0.5)})[0]);
        nn.send("stats");
        const auto heard = nn.heard();
        CHECK(std::find(heard.begin(), heard.end(), "late 0") != heard.end());
    }
    CHECK(renderings[0] == renderings[1]);
}
