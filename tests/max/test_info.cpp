// nn.info tells what a model offers.
#include <doctest/doctest.h>

#include <cstdlib>

#include "patch.h"

using namespace maxhost;

namespace {

const char* kWords =
    "rate 44100\nmethod encode 1 1 2 8 16\nmethod decode 2 8 1 1 0\noutputs encode pitch loud\n"
    "attribute pair int bool\nattribute table buffer";

std::vector<Heard> told(Patch& info) {
    Host::get().serve_queue();
    return Host::get().take_heard(info.box());
}

// Until the model, which is read by a thread of its own, is there and `path` was answered.
std::vector<Heard> told_after_reading(Patch& info) {
    std::vector<Heard> all;
    while (all.empty()) {
        all = told(info);
        std::this_thread::yield();
    }
    return all;
}

}  // namespace

TEST_CASE("nn.info answers each question by its outlet, as soon as the model is read") {
    write_model("known", kWords);
    Patch info("nn.info known");
    CHECK(info->outlets.size() == 6);
    info.send("methods");
    CHECK(told_after_reading(info) ==
          std::vector<Heard>{{1, "method encode"}, {1, "method decode"}});
    info.send("path");
    CHECK(told(info) == std::vector<Heard>{{0, (kPackage / "models/known.ts").string()}});
    info.send("attributes");
    CHECK(told(info) == std::vector<Heard>{{2, "attribute pair"}, {2, "attribute table"}});
    info.send("parameters encode");
    CHECK(told(info) == std::vector<Heard>{{3, "encode channels_in 1"},
                                           {3, "encode channels_out 2"},
                                           {3, "encode ratio_in 1"},
                                           {3, "encode ratio_out 8"},
                                           {3, "encode latency 16"}});
    info.send("parameters pair");
    CHECK(told(info) == std::vector<Heard>{{3, "pair attribute_type int bool"}});
}

TEST_CASE("the dictionary holds it all, under the name of @dict where there is one") {
    write_model("known", kWords);
    Patch info("nn.info known @dict mine");
    info.send("dump_dict");
    CHECK(told_after_reading(info) == std::vector<Heard>{{4, "dictionary mine"}});
    const Dictionary* dictionary = Host::get().dictionary("mine");
    REQUIRE(dictionary);
    CHECK(dictionary->text("name") == "known");
    CHECK(dictionary->in("methods")->in("encode")->text("ratio_out") == "8");
    CHECK(dictionary->in("methods")->in("encode")->text("output_labels") == "pitch loud");
    CHECK(dictionary->in("attributes")->in("pair")->text("attribute_type") == "int bool");
    write_model("other", "method forward 1 1 1 1 0");
    info.send("set other");
    info.send("dump_dict");
    told_after_reading(info);
    CHECK(Host::get().dictionary("mine")->text("name") == "other");
    CHECK(!Host::get().dictionary("mine")->in("methods")->in("encode"));
}

TEST_CASE("bang tells everything, from right to left") {
    write_model("known", kWords);
    Patch info("nn.info known");
    info.send("bang");
    const auto heard = told_after_reading(info);
    std::vector<int> outlets;
    for (const Heard& each : heard) {
        if (outlets.empty() || outlets.back() != each.outlet)
            outlets.push_back(each.outlet);
    }
    CHECK(outlets == std::vector<int>{5, 4, 3, 2, 1, 0});
}

namespace {

// A folder on a web server, with its index; for this test the server is the disk.
class Server {
  public:
    Server() {
        write_model("published", "method forward 1 1 1 1 0", folder_);
        const std::string sum = "cd '" + folder_.string() + "' && sha256sum *.ts > SHA256SUMS";
        REQUIRE(std::system(sum.c_str()) == 0);
        setenv("TIMBREL_MODEL_INDEX", ("file://" + (folder_ / "SHA256SUMS").string()).c_str(), 1);
    }
    ~Server() {
        unsetenv("TIMBREL_MODEL_INDEX");
        std::filesystem::remove(kPackage / "models/published.ts");
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

  private:
    const std::filesystem::path folder_ = kPackage.parent_path() / "server";
};

// What the dictionary of models says of one, the next time that it leaves.
std::string told_of(Patch& info, const std::string& model) {
    const std::string said = info.heard_until("dictionary").back();
    return Host::get().dictionary(said.substr(std::string("dictionary ").size()))->text(model);
}

}  // namespace

TEST_CASE("the models that are there and those that can be downloaded, by name") {
    const Server server;
    write_model("known", kWords);
    Patch info("nn.info");
    info.send("bang");
    CHECK(told_of(info, "known") == (kPackage / "models/known.ts").string());
    info.send("get_available_models");
    CHECK(told_of(info, "published") == "downloadable");
    info.send("download published");
    CHECK(told_of(info, "published") == (kPackage / "models/published.ts").string());
    info.send("delete published");
    CHECK(told_of(info, "published") == "downloadable");
    info.send("download");
    CHECK(info.console_until("usage: download NAME [AS]").starts_with("error"));
}

TEST_CASE("nn~ lists, downloads and deletes models, and says what it could not") {
    const Server server;
    Patch nn("nn~");
    nn.send("print_available_models");
    CHECK(nn.heard_until("available").back() == "available published");
    nn.send("download published mine");
    CHECK(nn.heard_until("downloaded").back() == "downloaded mine.ts");
    nn.send("load mine");
    nn.settle();
    nn.send("delete mine");
    CHECK(nn.heard_until("deleted").back() == "deleted mine");
    nn.send("delete mine");
    CHECK(nn.console_until("no model mine.ts").starts_with("error: nn~"));
    nn.send("delete");
    CHECK(nn.console_until("usage: delete NAME").starts_with("error"));
}

TEST_CASE("what is wrong is said in a line") {
    Patch info("nn.info");
    Host::get().take_console();
    const auto said = [&](const std::string& message) {
        info.send(message);
        Host::get().serve_queue();
        const auto lines = Host::get().take_console();
        return lines.size() == 1 ? lines[0] : "";
    };
    CHECK(said("methods").find("no model is read") != std::string::npos);
    CHECK(said("set").find("usage: set MODEL") != std::string::npos);
    CHECK(said("set nowhere").find("nowhere.ts: no such file") != std::string::npos);
    CHECK(said("nonsense").find("no message 'nonsense'") != std::string::npos);
    info.send("path");
    CHECK(told(info) == std::vector<Heard>{{0, "none"}});
    write_model("damaged", "broken it is damaged");
    info.send("set damaged");
    CHECK(info.console_until("it is damaged").starts_with("error: nn.info"));
}

TEST_CASE("an object that goes while its model is read") {
    write_model("known", kWords);
    for (int i = 0; i < 50; ++i)
        Patch info("nn.info known");
    Host::get().serve_queue();
}

TEST_CASE("a patch may delete the object in answer") {
    write_model("known", kWords);
    Patch info("nn.info known");
    Box* box = info.release();
    const t_object* object = box->object;
    box->then = [box](const Heard&) { Host::get().remove(box); };
    Host::get().send(*box, "methods");
    while (Host::get().find(object)) {
        Host::get().serve_queue();
        std::this_thread::yield();
    }
}
