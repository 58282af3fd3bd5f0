// What is typed into boxes, what is sent to them, and what they say to it.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>

#include "patch.h"
#include "timbrel/engine.h"

using namespace maxhost;

namespace {

const timbrel_api& engine() {
    void* library = dlopen((kPackage / "support/libtimbrel_engine.so").c_str(), RTLD_NOW);
    const auto get = reinterpret_cast<timbrel_get_api_function>(dlsym(library, "timbrel_get_api"));
    return *get(TIMBREL_ABI_VERSION);
}

bool contains(const std::vector<std::string>& lines, const std::string& text) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
        return line.find(text) != std::string::npos;
    });
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

const char* kInstrument =
    "rate 44100\nmethod encode 1 8 2 8 0\nmethod decode 2 8 1 8 0\nmethod forward 1 1 1 1 3\n"
    "attribute gain float\nattribute wave buffer\nattribute vector tensor\nattribute name string\n"
    "attribute pair int bool";

}  // namespace

TEST_CASE("a box has an inlet and an outlet per channel of the method, and one for reports") {
    write_model("instrument", kInstrument);
    Patch encode("nn~ instrument encode");
    CHECK(encode->signal_inlets == 1);
    CHECK(encode->outlets == std::vector<std::string>{"", "signal", "signal"});
    Patch decode("nn~ instrument.ts decode 512");
    CHECK(decode->signal_inlets == 2);
    CHECK(decode->outlets == std::vector<std::string>{"", "signal"});
}

TEST_CASE("inlets and outlets of the box override the model's channels") {
    write_model("instrument", kInstrument);
    Patch nn("nn~ instrument encode 2048 3 1");
    CHECK(nn->signal_inlets == 3);
    CHECK(nn->outlets == std::vector<std::string>{"", "signal"});
}

TEST_CASE("void has as many inlets and outlets as it is asked for, until a model comes") {
    write_model("instrument", kInstrument);
    Patch nn("nn~ void 1 2 4096");
    CHECK(nn->signal_inlets == 1);
    CHECK(nn->outlets.size() == 3);
    nn.send("load instrument");
    nn.send("method encode");
    nn.heard_until("loaded instrument encode");
    nn.send("bang");
    CHECK(contains(nn.heard(), "bufsize 4096"));
    Patch empty("nn~");
    CHECK(empty->signal_inlets == 1);
    CHECK(empty->outlets.size() == 2);
}

TEST_CASE("what is wrong with a box is said in a line") {
    write_model("instrument", kInstrument);
    write_model("damaged", "broken checksum of data/7 is wrong");
    CHECK(!Patch("nn~ nowhere"));
    Patch::host().take_console();
    {
        Patch nn("nn~ nowhere");
        const auto lines = Patch::host().take_console();
        REQUIRE(lines.size() == 1);
        CHECK(lines[0].find("nowhere.ts: no such file (looked in ") != std::string::npos);
    }
    {
        Patch nn("nn~ damaged");
        CHECK(!nn);
        const std::string said = joined(Patch::host().take_console());
        CAPTURE(said);
        CHECK(said.find("checksum of data/7 is wrong") != std::string::npos);
    }
    {
        Patch nn("nn~ instrument nonsense 512");
        CHECK(contains(Patch::host().take_console(),
                       "instrument has no method 'nonsense', using 'forward' (it has: encode, "
                       "decode, forward)"));
        CHECK(nn->signal_inlets == 1);
    }
    {
        Patch nn("nn~ instrument forward 1.5");
        CHECK(contains(Patch::host().take_console(), "a buffer of 1.5 is not possible"));
    }
    {
        Patch nn("nn~ instrument forward 512 1 1 word");
        CHECK(contains(Patch::host().take_console(),
                       "argument 'word' is not understood; [nn~ model method buffer inlets "
                       "outlets]"));
    }
    {
        Patch nn("mcs.nn~ instrument forward 0");
        CHECK(contains(Patch::host().take_console(), "a number of examples of 0 is not possible"));
    }
}

TEST_CASE("models are found in the package first, then beside the patch, then in the search path") {
    namespace fs = std::filesystem;
    const fs::path beside = kPackage / "patch folder", searched = kPackage / "searched";
    write_model("everywhere", "method forward 1 1 1 1 0");
    write_model("everywhere", "method forward 2 1 1 1 0", beside);
    write_model("two places", "method forward 3 1 1 1 0", beside);
    write_model("two places", "method forward 4 1 1 1 0", searched);
    write_model("far", "method forward 5 1 1 1 0", searched);
    Patch::host().patch_file = "Volume:" + (beside / "song.maxpat").string();
    Patch::host().search_path = {(kPackage / "nothing").string(), searched.string()};
    CHECK(Patch("nn~ everywhere")->signal_inlets == 1);
    CHECK(Patch("nn~ far")->signal_inlets == 5);
    write_model("two", "method forward 3 1 1 1 0", beside);
    write_model("two", "method forward 4 1 1 1 0", searched);
    CHECK(Patch("nn~ two")->signal_inlets == 3);
    CHECK(Patch("nn~ " + (searched.string() + "/far.ts"))->signal_inlets == 5);
    Patch::host().patch_file.clear();
    Patch::host().search_path.clear();
}

TEST_CASE("bang reports in the order that existing patches rely on") {
    write_model("instrument", kInstrument);
    Patch nn("nn~ instrument encode 4096");
    nn.settle();
    nn.send("bang");
    auto heard = nn.heard();
    heard.resize(10);
    CHECK(heard == std::vector<std::string>{"loaded 1", "enabled 1", "gpu 0", "model instrument",
                                            "methods encode decode forward", "method encode",
                                            "attributes gain wave vector name pair", "bufsize 4096",
                                            "dim 1 2", "ratio 8 8"});
}

TEST_CASE("reports leave by the rightmost outlet") {
    write_model("instrument", kInstrument);
    Patch nn("nn~ instrument encode");
    nn.settle();
    nn.send("latency");
    const auto heard = nn.host().take_heard(nn.box());
    CHECK(!heard.empty());
    for (const Heard& each : heard)
        CHECK(each.outlet == 2);
}

TEST_CASE("whole numbers leave as ints, others as floats") {
    write_model("instrument", kInstrument);
    Patch nn("nn~ instrument");
    nn.settle();
    nn.send("set gain 0.5");
    nn.send("get gain");
    CHECK(nn.heard_until("attribute").back() == "attribute gain 0.5");
    nn.send("set gain 2.");
    nn.send("get gain");
    CHECK(nn.heard_until("attribute").back() == "attribute gain 2");
}

TEST_CASE("every message of the engine's table is understood") {
    // With what each needs, where that is not nothing.
    const std::map<std::string, std::string> arguments{
        {"load", "instrument"}, {"method", "forward"}, {"buffer", "512"},        {"bufsize", "512"},
        {"enable", "1"},        {"bypass", "0"},       {"set", "gain 1"},        {"get", "gain"},
        {"gpu", "0"},           {"device", "cpu"},     {"precision", "float32"}, {"resample", "0"},
        {"offline", "0"},       {"latent", "get"}};
    write_model("instrument", kInstrument);
    Patch nn("nn~ instrument");
    nn.settle();
    int32_t count = 0;
    const timbrel_message* messages = engine().messages(&count);
    REQUIRE(count > 20);
    for (int32_t i = 0; i < count; ++i) {
        const std::string name = messages[i].name;
        const auto found = arguments.find(name);
        INFO(name);
        nn.send(found == arguments.end() ? name : name + " " + found->second);
        for (const std::string& line : Patch::host().take_console()) {
            CHECK(line.find("usage") == std::string::npos);
            CHECK(line.find("no message") == std::string::npos);
            CHECK(line.find("doesn't understand") == std::string::npos);
        }
    }
}

TEST_CASE("a message that there is not is answered with a line") {
    Patch nn("nn~");
    nn.send("nonsense 1 2");
    CHECK(contains(Patch::host().take_console(), "no message 'nonsense'"));
    nn.send("load");
    CHECK(contains(Patch::host().take_console(), "usage: load FILE"));
    nn.send("load nowhere");
    CHECK(contains(Patch::host().take_console(), "nowhere.ts: no such file"));
    nn.send("5");
    CHECK(contains(Patch::host().take_console(), "doesn't understand \"int\""));
}

TEST_CASE("a patch may delete the object in answer to what it says") {
    write_model("instrument", kInstrument);
    Patch nn("nn~ instrument");
    nn.settle();
    Box* box = nn.release();
    const t_object* object = box->object;
    box->then = [box](const Heard&) { Host::get().remove(box); };
    Host::get().send(*box, "bang");
    CHECK(!Host::get().find(object));
}

namespace {

// What comes out where nothing goes in.
double offset(Chain& chain) {
    return chain.play({Signal(4096, 0.0)})[0].back();
}

}  // namespace

TEST_CASE("an attribute takes what is in a buffer~, at the moment of the message") {
    write_model("instrument", kInstrument);
    Buffer& buffer = Patch::host().make_buffer("table", 2, 44100, {1, 2, 3, 4});
    Patch nn("nn~ instrument forward 0");
    Chain chain(nn.box(), {1});
    nn.settle();
    chain.compile(44100, 64);
    nn.send("set wave table");
    nn.send("get wave");
    CHECK(nn.heard_until("attribute").back() == "attribute wave table");
    CHECK(offset(chain) == 10);
    Patch::host().change_buffer(buffer, {5, 5});
    Patch::host().serve_queue();
    nn.send("get wave");
    nn.heard_until("attribute");
    CHECK(offset(chain) == 10);
    SUBCASE("and again whenever it changes, with @track_buffers 1") {
        nn.send("track_buffers 1");
        Patch::host().change_buffer(buffer, {7, 7});
        Patch::host().serve_queue();
        nn.send("get wave");
        nn.heard_until("attribute");
        CHECK(offset(chain) == 14);
    }
    Patch::host().remove_buffer("table");
}

TEST_CASE("a name that is no buffer~ stays a name") {
    write_model("instrument", kInstrument);
    Patch nn("nn~ instrument");
    nn.settle();
    nn.send("set name nobody");
    nn.send("get name");
    CHECK(nn.heard_until("attribute").back() == "attribute name nobody");
}

TEST_CASE("a tensor takes a list, or the numbers in an array of Max 9") {
    write_model("instrument", kInstrument);
    Patch::host().make_array("u123", {1.5, 2L, 0.25});
    Patch nn("nn~ instrument");
    nn.settle();
    nn.send("set vector 1 2 3");
    nn.send("get vector");
    CHECK(nn.heard_until("attribute").back() == "attribute vector 1 2 3");
    for (const char* message : {"set vector u123", "set vector array u123"}) {
        nn.send(message);
        nn.send("get vector");
        CHECK(nn.heard_until("attribute").back() == "attribute vector 1.5 2 0.25");
    }
}

TEST_CASE("load, method, buffer and set in one breath end in what was asked for") {
    write_model("instrument", kInstrument);
    write_model("plain", "method forward 1 1 1 1 0");
    Patch nn("nn~ plain");
    nn.settle();
    for (const char* message : {"load instrument", "method encode", "buffer 64", "set gain 3"})
        nn.send(message);
    nn.send("get gain");
    CHECK(nn.heard_until("attribute").back() == "attribute gain 3");
    nn.send("bang");
    const auto heard = nn.heard();
    CHECK(contains(heard, "method encode"));
    CHECK(contains(heard, "bufsize 64"));
}

TEST_CASE(
    "messages of the scheduler's thread are carried out in order, with those that need files") {
    write_model("instrument", kInstrument);
    Patch nn("nn~ void 1 1");
    std::thread([&] {
        for (const char* message : {"load instrument", "buffer 64", "set gain 3", "set name word"})
            nn.send(message);
    }).join();
    CHECK(nn.heard().empty());
    nn.heard_until("loaded");
    nn.send("get gain");
    CHECK(nn.heard_until("attribute").back() == "attribute gain 3");
    nn.send("get name");
    CHECK(nn.heard_until("attribute").back() == "attribute name word");
    nn.send("bang");
    CHECK(contains(nn.heard(), "bufsize 64"));
}
