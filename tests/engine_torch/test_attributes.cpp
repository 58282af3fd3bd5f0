// Attributes of all six types, and of those that older files have, arrive in the model and come
// back.
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "models.h"

using timbrel::Atom;
using timbrel::Atoms;
using timbrel::Attribute;
using timbrel::ElementType;
using timbrel::HostBuffer;

namespace {

std::shared_ptr<const HostBuffer> buffer(std::vector<float> samples, int channels = 1) {
    return std::make_shared<HostBuffer>(HostBuffer{"drum", channels, 44100, std::move(samples)});
}

std::string set_error(timbrel::Model& model, const std::string& name, const Atoms& atoms) {
    return line_of([&] { model.set(name, atoms); });
}

}  // namespace

TEST_CASE("the types of attributes are those declared, or else those of their values") {
    const auto prototype = load("attributes");
    std::map<std::string, std::vector<ElementType>> types;
    for (const Attribute& attribute : prototype->description().attributes)
        types[attribute.name] = attribute.elements;
    using enum ElementType;
    using Types = std::vector<ElementType>;
    CHECK(types.count("none") == 0);
    CHECK(types.at("enabled") == Types{boolean});
    CHECK(types.at("count") == Types{integer});
    CHECK(types.at("gain") == Types{real});
    CHECK(types.at("mode") == Types{string});
    CHECK(types.at("weights") == Types{tensor});
    CHECK(types.at("wave") == Types{buffer, real});
    CHECK(types.at("mixed") == Types{real, integer, string, boolean});
    CHECK(types.at("undeclared") == Types{real, real});
    CHECK(types.at("fixed") == Types{integer});
}

TEST_CASE("what is set comes back, whatever its type and however its getter returns it") {
    const auto model = instance("attributes");
    const std::vector<std::pair<std::string, Atoms>> settings{
        {"enabled", {0.0}},
        {"count", {-12.0}},
        {"gain", {0.75}},
        {"mode", {"hard"}},
        {"weights", {1.0, 2.5, -3.0}},
        {"mixed", {0.125, 9.0, "nine", 1.0}},
        {"picky", {2.0}},
        {"silent", {0.5}},
        {"unannotated", {4.0}},
        {"undeclared", {3.0, 4.0}},
    };
    for (const auto& [name, atoms] : settings) {
        model->set(name, atoms);
        CHECK_MESSAGE(model->get(name) == atoms, name);
    }
    CHECK(model->accepted() == settings);
}

TEST_CASE("a value is converted to what its element is") {
    const auto model = instance("attributes");
    model->set("enabled", {2.0});
    CHECK(model->get("enabled") == Atoms{1.0});
    model->set("count", {2.7});
    CHECK(model->get("count") == Atoms{2.0});
    model->set("mode", {1.5});
    CHECK(model->get("mode") == Atoms{"1.5"});
    model->set("mode", {buffer({1})});
    CHECK(model->get("mode") == Atoms{"drum"});
    model->set("weights", {buffer({1, 2})});
    CHECK(model->get("weights") == Atoms{1.0, 2.0});
    // As nn~ has always had it: a tensor is the first channel.
    model->set("weights", {buffer({1, 2, 3, 4, 5, 6}, 2)});
    CHECK(model->get("weights") == Atoms{1.0, 2.0, 3.0});
}

TEST_CASE("in a list, a tensor takes one number or a buffer, and the last one what is left") {
    const auto model = instance("attributes");
    model->set("lists", {1.0, 2.0, 3.0, "name"});
    CHECK(model->get("lists") == Atoms{1.0, 2.0, 3.0, "name"});
    model->set("lists", {1.0, 2.0, 3.0, 4.0, 5.0, "name"});
    CHECK(model->get("lists") == Atoms{1.0, 2.0, 3.0, 4.0, 5.0, "name"});
    model->set("lists", {buffer({1, 2}), 3.0, buffer({4, 5, 6}), "name"});
    CHECK(model->get("lists") == Atoms{1.0, 2.0, 3.0, 4.0, 5.0, 6.0, "name"});
    CHECK(set_error(*model, "lists", {1.0, 2.0, 3.0}) ==
          "set lists: it takes at least 4 values (list of numbers, int, list of numbers, string), "
          "not 3");
    CHECK(set_error(*model, "lists", {1.0, 2.0, buffer({1, 2}), 3.0, "name"}) ==
          "set lists: value 3 is not a number that fits a float");
}

TEST_CASE("a buffer's samples and rate are in the model before its setter is called") {
    const auto model = instance("attributes");
    model->set("wave", {buffer({1, 2, 3, 4}, 2), 0.5});
    CHECK(model->get("wave") == Atoms{1.0, 2.0, 3.0, 4.0, 44100.0, 0.5});
    // The model takes eight samples a channel at most; what it had, it has again.
    CHECK(set_error(*model, "wave", {buffer(std::vector<float>(9)), 1.0}) ==
          "set wave: the model refused it (its set_buffer_attribute returned -1)");
    CHECK(model->get("wave") == Atoms{1.0, 2.0, 3.0, 4.0, 44100.0, 0.5});
    // What the setter says is more than the number with which the buffer was refused.
    CHECK(set_error(*model, "wave", {buffer(std::vector<float>(9)), -1.0}) ==
          "wave has no negative level");
    CHECK(model->get("wave") == Atoms{1.0, 2.0, 3.0, 4.0, 44100.0, 0.5});
    CHECK(set_error(*model, "wave", {"drum", 1.0}) ==
          "set wave: value 1 is not the name of a buffer");
}

TEST_CASE("what does not fit is refused with what would") {
    const auto model = instance("attributes");
    CHECK(set_error(*model, "gain", {1.0, 2.0}) == "set gain: it takes 1 value (float), not 2");
    CHECK(set_error(*model, "mixed", {}) ==
          "set mixed: it takes 4 values (float, int, string, bool), not 0");
    CHECK(set_error(*model, "weights", {}) ==
          "set weights: it takes at least 1 value (list of numbers), not 0");
    CHECK(set_error(*model, "gain", {"loud"}) ==
          "set gain: value 1 is not a number that fits a float");
    CHECK(set_error(*model, "count", {std::nan("")}) ==
          "set count: value 1 is not a number that fits a int");
    CHECK(set_error(*model, "weights", {1.0, "two"}) ==
          "set weights: value 2 is not a number that fits a float");
    CHECK(set_error(*model, "fixed", {1.0}) ==
          "set fixed: it cannot be set (the model has no set_fixed)");
    CHECK(set_error(*model, "cutoff", {1.0})
              .starts_with("no attribute 'cutoff' (it has: enabled, count, gain, "));
    CHECK(line_of([&] { model->get("cutoff"); }).starts_with("no attribute 'cutoff'"));
    CHECK(set_error(*instance("filter"), "gain", {1.0}) ==
          "no attribute 'gain' (the model has none)");
    CHECK(model->accepted().empty());
}

TEST_CASE("what the model refuses changes nothing") {
    const auto model = instance("attributes");
    CHECK(set_error(*model, "picky", {-1.0}) ==
          "set picky: the model refused it (its set_picky returned 3)");
    CHECK(model->get("picky") == Atoms{1.0});
    model->set("picky", {5.0});
    CHECK(set_error(*model, "picky", {11.0}) == "set picky: more than ten is too much");
    CHECK(set_error(*model, "picky", {21.0}) == "picky takes no more than twenty");
    CHECK(set_error(*model, "picky", {31.0})
              .starts_with("set picky: the model's own code failed (a Tensor with 2 elements"));
    CHECK(set_error(*model, "picky", {51.0}) ==
          "set picky: the model's own code failed (AssertionError)");
    CHECK(model->get("picky") == Atoms{5.0});
    CHECK(model->accepted().size() == 1);
}

TEST_CASE("accepted values are listed in the order in which they were accepted last") {
    const auto model = instance("attributes");
    model->set("gain", {1.0});
    model->set("count", {1.0});
    model->set("gain", {2.0});
    const std::vector<std::pair<std::string, Atoms>> expected{{"count", {1.0}}, {"gain", {2.0}}};
    CHECK(model->accepted() == expected);
}

TEST_CASE("after a reset the attributes and the sample rate are as they were last accepted") {
    const auto model = instance("attributes");
    model->set_sample_rate(48000);
    model->set("gain", {0.25});
    model->set("wave", {buffer({1, 2}), 0.5});
    model->reset();
    CHECK(model->get("gain") == Atoms{0.25});
    CHECK(model->get("wave") == Atoms{1.0, 2.0, 44100.0, 0.5});
    CHECK(model->get("rate") == Atoms{48000.0});
    CHECK(model->get("count") == Atoms{3.0});
    CHECK(play(*model, {1, 2}) == std::vector<float>{0.25, 0.5});
}

TEST_CASE("instances do not share attributes") {
    const auto prototype = load("attributes");
    const auto first = prototype->instantiate({}), second = prototype->instantiate({});
    first->set("gain", {0.25});
    first->set("wave", {buffer({1}), 0.0});
    CHECK(second->get("gain") == Atoms{0.5});
    CHECK(second->get("wave") == Atoms{0.0, 1.0});
}
