// What cannot be played is refused in one line that says whose fault it is; what can be known
// without loading is.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>

#include "models.h"
#include "torch/outline.h"

using timbrel::Description;
using timbrel::outline;
namespace fs = std::filesystem;

namespace {

std::string warm_up_error(const std::string& name) {
    return line_of([&] { load(name)->warm_up("forward", 1, 64, {}); });
}

// The user's cache folder and a model in a folder of their own.
struct Place {
    const fs::path folder = fs::temp_directory_path() / "timbrel-outline";
    const fs::path cache = folder / "cache";
    const std::string model = (folder / "instrument.ts").string();

    Place() {
        fs::remove_all(folder);
        fs::create_directories(folder);
        fs::copy_file(model_path("instrument"), model);
        setenv("XDG_CACHE_HOME", cache.c_str(), 1);
    }
    ~Place() { fs::remove_all(folder); }
};

void check_instrument(const std::optional<Description>& description) {
    REQUIRE(description);
    CHECK(description->name == "instrument");
    CHECK(description->max_ratio == 512);
    REQUIRE(description->methods.size() == 3);
    CHECK(description->methods[0].name == "encode");
    CHECK(description->methods[0].shape.out_channels == 2);
    CHECK(description->methods[0].shape.out_ratio == 512);
    CHECK(description->methods[0].output_labels[1] == "(signal) peak");
    REQUIRE(description->attributes.size() == 1);
    CHECK(description->attributes[0].name == "brightness");
    CHECK(description->attributes[0].elements.size() == 1);
}

}  // namespace

TEST_CASE("a file without a playable method says what is wrong with it") {
    const auto line = [](const std::string& name, const std::string& reason) {
        return name + ".ts: a TorchScript file, but no method of it can be played (" + reason + ")";
    };
    const std::string four = "forward_params is not four whole numbers";
    CHECK(load_error("params_none") == line("params_none", "it has no forward_params or the like"));
    for (const char* name :
         {"params_three", "params_fraction", "params_nan", "params_expanded", "params_text"})
        CHECK(load_error(name) == line(name, four));
    CHECK(load_error("params_negative") ==
          line("params_negative", "forward_params says -1 for a ratio, and 1 to 1048576 can be"));
    CHECK(load_error("params_huge") ==
          line("params_huge", "forward_params says 1099511627776 channels, and 1 to 1024 can be"));
    CHECK(load_error("introduced_empty") ==
          line("introduced_empty", "it has no forward_params or the like"));
}

TEST_CASE("numbers of another kind that are whole are read") {
    CHECK(load("params_float")->description().find("forward"));
    CHECK(load("params_list")->description().find("forward"));
}

TEST_CASE("errors of the model's own code are told from those of loading it") {
    CHECK(load_error("introduced_throws") ==
          "introduced_throws.ts: the model's own code failed in get_methods (no methods today)");
    CHECK(load_error("numbered") ==
          "numbered.ts: the model's own code failed in get_methods (it does not return a list of "
          "strings)");
}

TEST_CASE("a model that introduces itself badly is played as far as it can be") {
    const auto prototype = load("introduced_rubbish");
    const Description& description = prototype->description();
    REQUIRE(description.methods.size() == 1);
    CHECK(description.methods[0].name == "forward");
    CHECK(description.methods[0].input_labels == std::vector<std::string>{""});
    CHECK(description.methods[0].output_labels == std::vector<std::string>{""});
    CHECK(description.attributes.empty());
}

TEST_CASE("a method that does not return what it says is refused when it is warmed up") {
    CHECK(warm_up_error("returns_long") ==
          "method forward failed: it returns (1, 1, 128) instead of (1, 1, 64)");
    CHECK(warm_up_error("returns_flat") ==
          "method forward failed: it returns (64) instead of (1, 1, 64)");
    CHECK(warm_up_error("returns_complex") == "method forward failed: it returns complex numbers");
    CHECK(warm_up_error("not_a_tensor") == "method forward failed: it does not return a tensor");
    CHECK(warm_up_error("returns_sparse").starts_with("method forward failed: "));
    // The core silences these and says so.
    CHECK(warm_up_error("returns_nan") == "");
    CHECK(warm_up_error("returns_double") == "");
    CHECK(line_of([] { load("filter")->warm_up("prior", 1, 64, {}); }) == "no method 'prior'");
}

TEST_CASE("a model that never returns is not waited for longer than is said") {
    setenv("TIMBREL_MODEL_TIMEOUT", "0.5", 1);
    CHECK(load_error("introduced_endless")
              .starts_with("introduced_endless.ts: loading did not return within 0.5 s"));
    const auto prototype = load("returns_endless");
    const auto warm_up = [&] { prototype->warm_up("forward", 1, 64, {}); };
    const std::string line = line_of(warm_up);
    CHECK(line.starts_with("method forward did not return within 0.573 s"));
    unsetenv("TIMBREL_MODEL_TIMEOUT");
    CHECK(line_of(warm_up) == line);  // and not for a second time, which would now be a minute
}

TEST_CASE("our own files say what they play without being loaded") {
    const auto description = outline(model_path("outlined"));
    REQUIRE(description);
    CHECK(description->name == "An outline");
    CHECK(description->sample_rate == 32000);
    CHECK(description->max_ratio == 16);
    REQUIRE(description->methods.size() == 2);
    const timbrel::Method& forward = description->methods[0];
    CHECK(forward.name == "forward");
    CHECK(forward.shape.in_channels == 3);
    CHECK(forward.shape.out_ratio == 16);
    CHECK(forward.latency == 5);
    CHECK(forward.input_labels == std::vector<std::string>{"x", "y", "z"});
    CHECK(forward.output_labels == std::vector<std::string>{"", ""});
    CHECK(description->methods[1].name == "another");
    REQUIRE(description->attributes.size() == 2);
    using enum timbrel::ElementType;
    CHECK(description->attributes[0].name == "drive");
    CHECK(description->attributes[0].elements == std::vector<timbrel::ElementType>{real, string});
}

TEST_CASE("files of others are remembered from one load to the next, until they change") {
    const Place place;
    CHECK_FALSE(outline(place.model));
    timbrel::load_torch_model(place.model);
    check_instrument(outline(place.model));

    fs::last_write_time(place.model, fs::last_write_time(place.model) + std::chrono::seconds(2));
    CHECK_FALSE(outline(place.model));
    timbrel::load_torch_model(place.model);
    check_instrument(outline(place.model));
    fs::remove(place.model);
    CHECK_FALSE(outline(place.model));
}

TEST_CASE("a damaged memory is as good as none, and is mended by the next load") {
    const Place place;
    timbrel::load_torch_model(place.model);
    const fs::path file = place.cache / "timbrel" / "models.json";
    REQUIRE(fs::exists(file));
    for (const std::string text :
         {"", "{", "[]", R"({"format":1,"models":[1,{"path":3}]})", R"({"format":"x"})"}) {
        std::ofstream(file) << text;
        CHECK_FALSE(outline(place.model));
        timbrel::load_torch_model(place.model);
        check_instrument(outline(place.model));
    }
    CHECK(std::distance(fs::directory_iterator(file.parent_path()), {}) == 1);
}

TEST_CASE("a folder that cannot be written to costs the memory, not the model") {
    const Place place;
    std::ofstream(place.cache) << "a file is in the way";
    timbrel::load_torch_model(place.model);
    CHECK_FALSE(outline(place.model));
}

TEST_CASE("the memory is bounded and forgets what was loaded first") {
    const Place place;
    const Description description{.name = "many", .methods = {{.name = "forward"}}};
    std::string first, last;
    for (int i = 0; i < 300; ++i) {
        last = (place.folder / (std::to_string(i) + ".ts")).string();
        first = first.empty() ? last : first;
        std::ofstream(last) << i;
        timbrel::remember_outline(last, description);
    }
    CHECK(outline(last));
    CHECK_FALSE(outline(first));
}
