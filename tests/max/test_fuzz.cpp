// Ten thousand messages, right and wrong, to four objects that play.
#include <doctest/doctest.h>

#include <random>

#include "patch.h"

using namespace maxhost;

namespace {

class Words {
  public:
    explicit Words(unsigned seed) : random_(seed) {}

    size_t below(size_t limit) { return random_() % limit; }
    std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }
    std::string value() {
        switch (below(6)) {
            case 0:
                return std::to_string(static_cast<int>(below(5)) - 1);
            case 1:
                return std::to_string(static_cast<double>(below(1000)) / 100 - 5);
            case 2:
                return pick({"nan", "inf", "-inf", "1e308", "-9223372036854775808", "65536"});
            case 3:
                return pick({"fuzzed", "other", "nowhere", "damaged", "forward", "encode"});
            case 4:
                return pick({"gain", "wave", "vector", "pair", "table", "u9", "array", "all"});
            default:
                return pick(
                    {"set", "bias", "get", "freeze", "cpu", "float32", "auto", "@", "../.."});
        }
    }
    std::string message() {
        std::string text = pick({"load",        "reload",    "method",
                                 "buffer",      "bufsize",   "slack",
                                 "enable",      "bypass",    "set",
                                 "get",         "latents",   "latent",
                                 "gpu",         "device",    "precision",
                                 "resample",    "reset",     "seed",
                                 "offline",     "bang",      "get_attributes",
                                 "stats",       "latency",   "dump",
                                 "get_methods", "nonsense",  "track_buffers",
                                 "chans",       "getbuffer", "5",
                                 "1.5"});
        for (size_t count = below(5); count > 0; --count)
            text.append(1, ' ').append(value());
        return text;
    }

  private:
    std::mt19937 random_;
};

}  // namespace

TEST_CASE("10,000 random messages, and sound flows after them") {
    const char* words =
        "method encode 1 8 2 8 0\nmethod forward 1 1 1 1 0\nattribute gain float\nattribute wave "
        "buffer\nattribute vector tensor\nattribute pair int bool";
    write_model("fuzzed", words);
    write_model("other", words);
    write_model("damaged", "broken it is damaged");
    Host& host = Host::get();
    host.make_array("u9", {1L, 2.5, std::string("word")});
    host.make_buffer("table", 2, 44100, {1, 2, 3, 4});
    Patch first("nn~ fuzzed forward 64"), second("nn~ void 2 2"), mc("mc.nn~ fuzzed encode 64"),
        mcs("mcs.nn~ fuzzed forward 2 64");
    Patch* const objects[] = {&first, &second, &mc, &mcs};
    Chain chains[] = {
        {first.box(), {1}}, {second.box(), {1, 1}}, {mc.box(), {2}}, {mcs.box(), {1, 2}}};
    for (Chain& chain : chains)
        chain.compile(44100, 64);
    Words random(7);
    for (int i = 0; i < 10000; ++i) {
        const size_t which = random.below(4);
        const std::string message = random.message();
        CAPTURE(message);
        if (random.below(4) == 0) {
            std::thread([&] { host.send(objects[which]->box(), message); }).join();
        } else {
            objects[which]->send(message);
        }
        if (i % 16 == 0) {
            host.run_scheduler(1);
            host.serve_queue();
            for (Chain& chain : chains)
                chain.tick({Signal(64, 0.5), Signal(64, 0.5), Signal(64, 0.5)});
            host.take_console();
        }
        if (i % 1000 == 0) {
            chains[2].set_widths({static_cast<long>(1 + random.below(4))});
            chains[2].compile(44100, 64);
        }
    }
    for (const char* message : {"offline auto", "enable 1", "bypass 0", "load fuzzed",
                                "method forward", "buffer 64", "device cpu", "precision float32",
                                "resample 0", "set gain 2", "set wave table", "set wave none"})
        first.send(message);
    first.heard();
    first.send("set vector 0");
    first.send("get gain");
    while (first.heard_until("attribute").back() != "attribute gain 2") {
    }
    const double level = chains[0].play({Signal(8192, 0.5)})[0].back();
    CHECK(level == doctest::Approx(1.0));
    host.remove_buffer("table");
}
