// What the inspector and the pointer show.
#include <doctest/doctest.h>

#include <algorithm>

#include "attributes.h"
#include "patch.h"

using namespace maxhost;

TEST_CASE("every attribute has a label, a category, a style and a place in the inspector") {
    for (const char* name : {"nn~", "mc.nn~", "mcs.nn~"}) {
        Class& of = *Host::get().find_class(name);
        CHECK(of.attributes.size() > 5);
        for (const auto& attribute : of.attributes) {
            for (const char* shown : {"label", "category", "style", "order"}) {
                INFO(name << " " << attribute->name << " " << shown);
                CHECK(!attribute->shown[shown].empty());
            }
        }
    }
}

TEST_CASE("only objects with multichannel outlets have @chans") {
    CHECK(!Host::get().find_class("nn~")->attribute("chans"));
    CHECK(Host::get().find_class("mc.nn~")->attribute("chans"));
    CHECK(Host::get().find_class("mcs.nn~")->attribute("chans"));
}

TEST_CASE("attributes in the box are set, and told again by getattr messages") {
    write_model("plain", "method forward 1 1 1 1 0");
    Patch nn("nn~ plain @enable 0 @bypass 1 @track_buffers 1");
    nn.settle();
    CHECK(nn.host().attribute(nn.box(), "enable") == "0");
    CHECK(nn.host().attribute(nn.box(), "bypass") == "1");
    CHECK(nn.host().attribute(nn.box(), "track_buffers") == "1");
    CHECK(nn.host().attribute(nn.box(), "offline") == "auto");
    nn.send("getenable");
    CHECK(nn.heard() == std::vector<std::string>{"enable 0"});
}

TEST_CASE("a message of an attribute's name sets it") {
    Patch nn("nn~ void 1 1");
    nn.send("enable 0");
    CHECK(nn.host().attribute(nn.box(), "enable") == "0");
    nn.send("bang");
    const auto heard = nn.heard();
    CHECK(std::find(heard.begin(), heard.end(), "enabled 0") != heard.end());
}

TEST_CASE("method and buffer show what is played, rounded up to what the model can do") {
    write_model("eight", "method forward 1 8 1 8 0\nmethod other 1 1 1 1 0");
    Patch nn("nn~ eight other 1001");
    nn.settle();
    nn.host().serve_queue();
    CHECK(nn.host().attribute(nn.box(), "method") == "other");
    CHECK(nn.host().attribute(nn.box(), "buffer") == "1008");
    nn.send("method forward");
    nn.heard_until("loaded");
    nn.send("bang");
    CHECK(nn.host().attribute(nn.box(), "method") == "forward");
}

TEST_CASE("a wrong value is answered with a line, and the inspector shows what is played again") {
    write_model("plain", "method forward 1 1 1 1 0");
    Patch nn("nn~ plain");
    nn.settle();
    nn.send("method nonsense");
    nn.console_until("nonsense");
    nn.send("bang");
    CHECK(nn.host().attribute(nn.box(), "method") == "forward");
}

TEST_CASE("the pointer shows the model's labels at inlets and outlets") {
    write_model("labelled",
                "method forward 2 1 1 1 0\ninputs forward voice noise\noutputs forward mixture");
    Patch nn("nn~ labelled");
    nn.settle();
    CHECK(nn.host().assistance(nn.box(), true, 0) == "(signal) voice, messages");
    CHECK(nn.host().assistance(nn.box(), true, 1) == "(signal) noise");
    CHECK(nn.host().assistance(nn.box(), false, 0) == "(signal) mixture");
    CHECK(nn.host().assistance(nn.box(), false, 1) == "(anything) reports");
    Patch mc("mc.nn~ labelled");
    mc.settle();
    CHECK(mc.host().assistance(mc.box(), true, 1) ==
          "(multichannel signal) noise, one example per channel");
    Patch mcs("mcs.nn~ labelled forward 2");
    mcs.settle();
    CHECK(mcs.host().assistance(mcs.box(), true, 1) ==
          "(multichannel signal) example 2: voice, noise");
}
