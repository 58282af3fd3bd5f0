#include "messages.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "object.h"

namespace timbrel {
namespace {

// ---- reading arguments ----

[[noreturn]] void misused(const char* name) {
    const Message& message = *find_message(name);
    throw std::runtime_error(std::string("usage: ") + name + (*message.arguments ? " " : "") +
                             message.arguments);
}

// The arguments of one message, read from left to right.
class Arguments {
  public:
    Arguments(const char* message, const Atoms& atoms) : message_(message), atoms_(atoms) {}

    size_t left() const { return atoms_.size() - next_; }
    bool next_is_number() const { return left() && std::holds_alternative<double>(atoms_[next_]); }
    double number() {
        if (!next_is_number())
            misused(message_);
        const double value = std::get<double>(atoms_[next_++]);
        if (!std::isfinite(value))
            throw std::runtime_error(std::string(message_) + ": not a number");
        return value;
    }
    double number_or(double otherwise) { return left() ? number() : otherwise; }
    bool flag() { return number() != 0; }
    int64_t whole(int64_t least, int64_t most) {
        const double value = number();
        if (value != std::floor(value) || value < static_cast<double>(least) ||
            value > static_cast<double>(most)) {
            throw std::runtime_error(std::string(message_) + " takes a whole number from " +
                                     std::to_string(least) + " to " + std::to_string(most));
        }
        return static_cast<int64_t>(value);
    }
    // A name; one that looks like a number is one to a host.
    std::string word() {
        if (!left())
            misused(message_);
        const Atom& atom = atoms_[next_];
        if (const auto* buffer = std::get_if<std::shared_ptr<const HostBuffer>>(&atom)) {
            ++next_;
            return (*buffer)->name;
        }
        const auto* text = std::get_if<std::string>(&atom);
        if (!text)
            misused(message_);
        ++next_;
        return *text;
    }
    Atoms rest() {
        Atoms rest(atoms_.begin() + static_cast<ptrdiff_t>(next_), atoms_.end());
        next_ = atoms_.size();
        return rest;
    }
    void end() const {
        if (left())
            misused(message_);
    }

  private:
    const char* message_;
    const Atoms& atoms_;
    size_t next_ = 0;
};

// ---- what is played ----

void load(Object& object, const Atoms& atoms) {
    Arguments arguments("load", atoms);
    const std::string path = arguments.word();
    arguments.end();
    object.stream().load(path);
}

void reload(Object& object, const Atoms& atoms) {
    Arguments("reload", atoms).end();
    object.stream().reload();
}

void method(Object& object, const Atoms& atoms) {
    Arguments arguments("method", atoms);
    const std::string name = arguments.word();
    arguments.end();
    object.stream().method(name);
}

template <const char* name>
void buffer(Object& object, const Atoms& atoms) {
    Arguments arguments(name, atoms);
    const auto samples = static_cast<int>(arguments.whole(0, kLargestBuffer));
    arguments.end();
    object.stream().buffer(samples);
}

void slack(Object& object, const Atoms& atoms) {
    Arguments arguments("slack", atoms);
    const double ms = arguments.number_or(-1);
    arguments.end();
    object.stream().slack(ms);
}

void gpu(Object& object, const Atoms& atoms) {
    Arguments arguments("gpu", atoms);
    const bool on = arguments.flag();
    arguments.end();
    object.stream().device(on ? "gpu" : "cpu");
}

void device(Object& object, const Atoms& atoms) {
    Arguments arguments("device", atoms);
    const std::string name = arguments.word();
    arguments.end();
    object.stream().device(name);
}

void precision(Object& object, const Atoms& atoms) {
    Arguments arguments("precision", atoms);
    const std::string name = arguments.word();
    arguments.end();
    object.stream().precision(name);
}

void resample(Object& object, const Atoms& atoms) {
    Arguments arguments("resample", atoms);
    const bool on = arguments.flag();
    arguments.end();
    object.stream().resample(on);
}

// ---- how it is played ----

void enable(Object& object, const Atoms& atoms) {
    Arguments arguments("enable", atoms);
    const bool on = arguments.flag();
    arguments.end();
    object.stream().set_enabled(on);
}

void bypass(Object& object, const Atoms& atoms) {
    Arguments arguments("bypass", atoms);
    const bool on = arguments.flag();
    arguments.end();
    object.stream().set_bypass(on);
}

void reset(Object& object, const Atoms& atoms) {
    Arguments("reset", atoms).end();
    object.stream().reset();
}

void seed(Object& object, const Atoms& atoms) {
    Arguments arguments("seed", atoms);
    if (!arguments.left()) {
        object.stream().seed(std::nullopt);
        return;
    }
    // What a host's numbers can hold without rounding.
    const int64_t value = arguments.whole(0, int64_t{1} << 53);
    arguments.end();
    object.stream().seed(static_cast<uint64_t>(value));
}

void offline(Object& object, const Atoms& atoms) {
    Arguments arguments("offline", atoms);
    const bool on = arguments.flag();
    arguments.end();
    object.stream().set_offline(on);
}

// ---- attributes ----

void set(Object& object, const Atoms& atoms) {
    Arguments arguments("set", atoms);
    const std::string name = arguments.word();
    object.stream().set(name, arguments.rest());
}

void get(Object& object, const Atoms& atoms) {
    Arguments arguments("get", atoms);
    const std::string name = arguments.word();
    arguments.end();
    object.stream().get(name);
}

// ---- latents ----

// How many latents there are to play; throws where they cannot be.
int playable_latents(const Object& object) {
    const auto loaded = object.stream().loaded();
    if (!loaded)
        throw std::runtime_error("no model is loaded, whose latents could be played");
    if (loaded->method.name != "forward") {
        throw std::runtime_error("latents are played with method forward; this is " +
                                 loaded->method.name);
    }
    if (!loaded->latent_path.allowed) {
        throw std::runtime_error("the latents of " + loaded->prototype->description().name +
                                 " cannot be played: " + loaded->latent_path.reason);
    }
    return loaded->prototype->description().find("decode")->shape.in_channels;
}

void move(Object& object, const LatentMove& move, int latents) {
    check(move, latents);
    object.stream().move_latents(move);
}

void latents(Object& object, const Atoms& atoms) {
    const int count = playable_latents(object);
    Arguments arguments("latents", atoms);
    const auto given = static_cast<int>(arguments.left());
    if (given == 0) {
        move(object, {.kind = LatentMove::Kind::release}, count);
        return;
    }
    if (given != count && given != count + 1) {
        throw std::runtime_error("latents takes " + std::to_string(count) +
                                 " values and, optionally, milliseconds; there are " +
                                 std::to_string(given));
    }
    std::vector<LatentMove> moves;
    for (int i = 0; i < count; ++i)
        moves.push_back({.index = i, .value = static_cast<float>(arguments.number())});
    const double ms = arguments.number_or(-1);
    for (LatentMove& each : moves) {
        each.ms = ms;
        check(each, count);
    }
    // All or none.
    for (const LatentMove& each : moves)
        object.stream().move_latents(each);
}

void report_latents(Object& object);

void latent(Object& object, const Atoms& atoms) {
    const int count = playable_latents(object);
    Arguments arguments("latent", atoms);
    const std::string what = arguments.word();
    if (what == "get") {
        arguments.end();
        report_latents(object);
        return;
    }
    LatentMove gesture;
    if (what == "freeze") {
        gesture.kind = LatentMove::Kind::freeze;
        gesture.value = arguments.flag() ? 1.0F : 0.0F;
    } else {
        using Kind = LatentMove::Kind;
        const std::pair<const char*, Kind> kinds[] = {{"set", Kind::set},
                                                      {"release", Kind::release},
                                                      {"bias", Kind::bias},
                                                      {"scale", Kind::scale},
                                                      {"noise", Kind::noise}};
        const auto* kind = std::find_if(std::begin(kinds), std::end(kinds),
                                        [&](const auto& each) { return what == each.first; });
        if (kind == std::end(kinds))
            misused("latent");
        gesture.kind = kind->second;
        if (arguments.next_is_number()) {
            gesture.index = static_cast<int>(arguments.whole(0, count - 1));
        } else if (arguments.word() != "all") {
            misused("latent");
        }
        if (gesture.kind != Kind::release)
            gesture.value = static_cast<float>(arguments.number());
    }
    gesture.ms = arguments.number_or(-1);
    arguments.end();
    move(object, gesture, count);
}

void report_latents(Object& object) {
    const LatentReport report = object.stream().latents();
    Atoms now, bias{"bias"}, scale{"scale"}, noise{"noise"}, by_hand{"set"};
    bool frozen = false;
    for (const float value : report.last)
        now.emplace_back(static_cast<double>(value));
    for (const LatentSettings::Latent& each : report.settings.latents) {
        bias.emplace_back(static_cast<double>(each.bias));
        scale.emplace_back(static_cast<double>(each.scale));
        noise.emplace_back(static_cast<double>(each.noise));
        if (each.set) {
            by_hand.emplace_back(static_cast<double>(*each.set));
        } else {
            by_hand.emplace_back("live");
        }
        frozen |= each.frozen;
    }
    object.answer("latents", std::move(now));
    object.answer("latent", std::move(by_hand));
    object.answer("latent", std::move(bias));
    object.answer("latent", std::move(scale));
    object.answer("latent", std::move(noise));
    object.answer("latent", {"freeze", frozen ? 1.0 : 0.0});
}

// ---- reports ----

void report_methods(Object& object) {
    Atoms names;
    if (const auto loaded = object.stream().loaded()) {
        for (const Method& each : loaded->prototype->description().methods)
            names.emplace_back(each.name);
    }
    object.answer("methods", std::move(names));
}

void report_attributes(Object& object) {
    Atoms names;
    if (const auto loaded = object.stream().loaded()) {
        for (const Attribute& each : loaded->prototype->description().attributes)
            names.emplace_back(each.name);
    }
    object.answer("attributes", std::move(names));
}

void report_latency(Object& object) {
    const Latency latency = object.stream().latency();
    const auto samples = [](int value) { return static_cast<double>(value); };
    const double ms = latency.total() ? 1000.0 * latency.total() / latency.sample_rate : 0.0;
    object.answer("latency", {samples(latency.total()), ms, samples(latency.buffer),
                              samples(latency.model), samples(latency.resampling)});
}

// The first lines are in the order that existing patches rely on (contract 4a).
void report_state(Object& object) {
    const Stream& stream = object.stream();
    const auto loaded = stream.loaded();
    const Settings settings = loaded ? loaded->settings : Settings{};
    const auto number = [](auto value) { return static_cast<double>(value); };
    object.answer("loaded", {number(loaded != nullptr)});
    object.answer("enabled", {number(stream.enabled())});
    object.answer("gpu", {number(settings.placement.device != "cpu")});
    object.answer("model", {loaded ? loaded->prototype->description().name : "void"});
    report_methods(object);
    object.answer("method", {loaded ? loaded->method.name : "none"});
    report_attributes(object);
    object.answer("bufsize", {number(loaded && !loaded->blocking ? loaded->block : 0)});
    const Shape shape = loaded ? loaded->method.shape : Shape{0, 0, 0, 0};
    object.answer("dim", {number(shape.in_channels), number(shape.out_channels)});
    object.answer("ratio", {number(shape.in_ratio), number(shape.out_ratio)});
    object.answer("bypass", {number(stream.bypassed())});
    object.answer("device", {settings.placement.device});
    object.answer("precision", {settings.placement.precision});
    object.answer("resample", {number(settings.resample)});
}

void report_stats(Object& object) {
    const Report report = object.stream().report();
    const auto count = [&](const char* selector, uint64_t value) {
        object.answer(selector, {static_cast<double>(value)});
    };
    count("blocks", report.blocks);
    count("late", report.late);
    count("skipped", report.skipped);
    count("failed", report.failed);
    count("nonfinite", report.non_finite);
    count("swaps", report.swaps);
    object.answer("inference", {report.median_ms, report.p99_ms, report.max_ms});
    object.answer("load", {object.stream().load()});
    report_latency(object);
}

void answer_state(Object& object, const Atoms& atoms) {
    Arguments("bang", atoms).end();
    report_state(object);
}

template <const char* name, void (*report)(Object&)>
void answer_with(Object& object, const Atoms& atoms) {
    Arguments(name, atoms).end();
    report(object);
}

void report_all(Object& object) {
    report_state(object);
    report_stats(object);
}

constexpr char kBuffer[] = "buffer", kBufsize[] = "bufsize", kStats[] = "stats",
               kLatency[] = "latency", kDump[] = "dump", kMethods[] = "get_methods",
               kAttributes[] = "get_attributes";

}  // namespace

const std::vector<Message>& messages() {
    static const std::vector<Message> table{
        {"load", "FILE", "play another model, without a gap", load},
        {"reload", "", "read the model's file again", reload},
        {"method", "NAME", "play another of the model's methods", method},
        {"buffer", "SAMPLES",
         "compute in blocks of so many samples, rounded up to what the model can do; 0: inside the "
         "call that completes them",
         buffer<kBuffer>},
        {"bufsize", "SAMPLES", "the same as buffer", buffer<kBufsize>},
        {"slack", "[MS]", "the time that inference is given, in ms; without a number as at first",
         slack},
        {"enable", "0/1", "0: silence, and the model is not fed", enable},
        {"bypass", "0/1", "1: the input, delayed as the model's output is", bypass},
        {"set", "ATTRIBUTE VALUES...", "set an attribute of the model", set},
        {"get", "ATTRIBUTE", "report an attribute of the model", get},
        {"latents", "[VALUES... [MS]]",
         "play all latents by hand, reached after so many ms; without values they are the input's "
         "again",
         latents},
        {"latent",
         "set/bias/scale/noise INDEX/all VALUE [MS], release INDEX/all [MS], freeze 0/1 [MS], get",
         "play single latents: hold a value, add to it, multiply it, add noise, go back to the "
         "input's, keep what is there, report",
         latent},
        {"gpu", "0/1", "compute on the graphics processor", gpu},
        {"device", "NAME", "compute there: cpu, cuda, cuda:1, mps", device},
        {"precision", "NAME", "compute in float32, float16 or bfloat16", precision},
        {"resample", "0/1", "1: convert between the host's sample rate and the model's", resample},
        {"reset", "", "forget what was heard: streaming state as in the file", reset},
        {"seed", "[NUMBER]",
         "the random numbers to draw from now on; without a number other ones each time", seed},
        {"offline", "0/1", "1: wait for the model instead of fading over late blocks", offline},
        {"get_methods", "", "report the model's methods", answer_with<kMethods, report_methods>},
        {"get_attributes", "", "report the model's attributes",
         answer_with<kAttributes, report_attributes>},
        {"bang", "", "report model, method, buffer and channels", answer_state},
        {"stats", "",
         "report blocks, late, skipped and failed ones, inference time in ms (median, 99th "
         "percentile, "
         "longest), load, latency",
         answer_with<kStats, report_stats>},
        {"latency", "",
         "report latency in samples and ms, then the parts of the buffer, the model and the "
         "resampling "
         "in samples",
         answer_with<kLatency, report_latency>},
        {"dump", "", "report everything", answer_with<kDump, report_all>},
    };
    return table;
}

const Message* find_message(const std::string& name) {
    const auto found = std::find_if(messages().begin(), messages().end(),
                                    [&](const Message& message) { return name == message.name; });
    return found == messages().end() ? nullptr : &*found;
}

}  // namespace timbrel
