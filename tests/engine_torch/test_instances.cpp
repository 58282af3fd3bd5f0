// What instances share and what they own; batches that a model cannot hold; devices and precisions;
// where a latent stage can stand.
#include <doctest/doctest.h>

#include "models.h"

using timbrel::LatentPath;
using timbrel::Placement;

namespace {

std::vector<float> ramp(size_t size) {
    std::vector<float> values(size);
    for (size_t i = 0; i < size; ++i)
        values[i] = static_cast<float>(i % 61) / 61 - 0.5F;
    return values;
}

std::string reason(const std::string& name) {
    const LatentPath path = load(name)->latent_path();
    CHECK_FALSE(path.allowed);
    return path.reason;
}

}  // namespace

TEST_CASE("state in objects, tuples, lists and dictionaries belongs to the instance") {
    const auto prototype = load("nested");
    const auto first = prototype->instantiate({}), second = prototype->instantiate({});
    const std::vector<float> ones(4, 1.0F);
    CHECK(play(*first, ones)[0] == 6);
    CHECK(play(*first, ones)[0] == 12);
    CHECK(play(*second, ones)[0] == 6);
    first->reset();
    CHECK(play(*first, ones)[0] == 6);
    CHECK(play(*prototype->instantiate({}), ones)[0] == 6);
}

TEST_CASE("where a model has state for one example, each example of a batch has an instance") {
    const auto prototype = load("for_one");
    const std::vector<float> input = ramp(4 * 32);
    std::vector<float> expected;
    for (int example = 0; example < 4; ++example) {
        const auto alone = prototype->instantiate({});
        alone->set("start", {2.0});
        const std::vector<float> part(input.begin() + example * 32,
                                      input.begin() + (example + 1) * 32);
        play(*alone, part);
        const std::vector<float> output = play(*alone, part);
        expected.insert(expected.end(), output.begin(), output.end());
    }
    const auto before = prototype->instantiate({});
    CHECK(line_of([&] { play(*before, input, 4); }).starts_with("method forward failed: "));

    prototype->warm_up("forward", 4, 32, {});
    const auto model = prototype->instantiate({});
    model->set("start", {2.0});
    play(*model, input, 4);
    CHECK(play(*model, input, 4) == expected);
    model->reset();
    play(*model, input, 4);
    CHECK(play(*model, input, 4) == expected);
}

TEST_CASE("a batch that fails example by example as well is refused as it failed") {
    const std::string line = line_of([] { load("short")->warm_up("forward", 2, 64, {}); });
    CHECK(line == "method forward failed: it returns (2, 1, 63) instead of (2, 1, 64)");
}

TEST_CASE("half precisions play what float32 plays, to their own rounding") {
    const auto prototype = load("filter");
    const std::vector<float> input = ramp(512);
    const std::vector<float> expected = play(*prototype->instantiate({}), input);
    for (const auto& [precision, tolerance] :
         {std::pair{"float16", 1e-3}, std::pair{"bfloat16", 1e-2}}) {
        const Placement placement{"cpu", precision};
        CHECK(prototype->warm_up("forward", 1, 512, placement) > 0);
        const std::vector<float> output = play(*prototype->instantiate(placement), input);
        double difference = 0;
        for (size_t i = 0; i < input.size(); ++i)
            difference = std::max(difference, std::abs(double{output[i]} - double{expected[i]}));
        CHECK(difference < tolerance);
        CHECK(difference > 0);
    }
}

TEST_CASE("a tensor attribute arrives in the precision of its stream") {
    const auto prototype = load("attributes");
    const auto model = prototype->instantiate({"cpu", "float16"});
    model->set("weights", {1.0, 0.1});
    CHECK(std::get<double>(model->get("weights")[1]) == doctest::Approx(0.1).epsilon(1e-3));
    CHECK(std::get<double>(model->get("weights")[1]) != 0.1);
}

TEST_CASE("what is not here is refused with what there is") {
    const auto prototype = load("filter");
    const auto refusal = [&](const char* device, const char* precision) {
        return line_of([&] { prototype->instantiate({device, precision}); });
    };
    CHECK(refusal("cuda:99", "float32").starts_with("no cuda:99 here; there is: cpu"));
    CHECK(refusal("tpu", "float32").starts_with("no tpu here; there is: cpu"));
    CHECK(refusal("", "float32").starts_with("no device of no name here; there is: cpu"));
    CHECK(refusal("cpu", "int8") == "no precision 'int8'; there is: float32, float16, bfloat16");
    CHECK(line_of([&] {
              prototype->warm_up("forward", 1, 64, {"tpu", "float32"});
          }).starts_with("no tpu here"));
}

TEST_CASE("a latent stage can stand where decode(encode(x)) is forward(x)") {
    for (const char* name : {"instrument", "coder"}) {
        const LatentPath path = load(name)->latent_path();
        CHECK_MESSAGE(path.allowed, path.reason);
    }
    CHECK(reason("filter") == "the model has no method encode");
    CHECK(reason("coder_of_three") == "encode gives 2 latents, decode takes 3");
    CHECK(reason("biased_coder").starts_with("decode(encode(x)) differs from forward(x) by "));
}
