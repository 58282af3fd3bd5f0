#include "player.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "atoms.h"
#include "host/model_choice.h"
#include "model_errands.h"
#include "package.h"

namespace timbrel::max {
namespace {

const timbrel_api* api = nullptr;

// What the engine says of itself is asked for this often.
constexpr double kEventPollMs = 20;

// The main thread has other things to do, also where a patch asks all the time.
constexpr int kMostEventsAtOnce = 200;

// Of a multichannel cable.
constexpr double kMostChannels = 1024;

// Messages about the folder of models, by what they ask of it.
const std::map<std::string, std::string>& model_errands() {
    static const std::map<std::string, std::string> errands{
        {"print_available_models", "available"}, {"download", "download"}, {"delete", "delete"}};
    return errands;
}

// While it lasts, nobody else plays or changes what is played. Waits for as long as one vector
// takes.
class Use {
  public:
    explicit Use(std::atomic<bool>& in_use) : in_use_(in_use) {
        while (in_use_.exchange(true, std::memory_order_acquire))
            std::this_thread::yield();
    }
    ~Use() { in_use_.store(false, std::memory_order_release); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

  private:
    std::atomic<bool>& in_use_;
};

}  // namespace

struct Player::Event {
    std::string selector;
    std::string line;  // for the console
    std::vector<t_atom> atoms;
};

// ---- coming and going ----

Player::Player(t_object* object, Kind kind, const host::Arguments& arguments)
    : object_(object), name_(arguments.model.empty() ? "void" : arguments.model), buffers_(object) {
    name_ = host::without_extension(name_);
    for (const std::string& complaint : arguments.complaints)
        object_error(object_, "%s", complaint.c_str());
    std::string problem;
    api = engine(problem);
    if (!api)
        throw std::runtime_error(problem);
    shape_.kind = kind;
    shape_.examples = kind == Kind::mcs ? arguments.examples : 1;
    shape_.channels_in = arguments.inlets.value_or(1);
    shape_.channels_out = arguments.outlets.value_or(1);
    if (arguments.model.empty()) {
        create_stream();
        if (arguments.buffer != TIMBREL_BUFFER_DEFAULT)
            conversation_.say({"buffer", {static_cast<double>(arguments.buffer)}});
        return;
    }
    const std::string path = find_model(object_, arguments.model, problem);
    if (path.empty())
        throw std::runtime_error(problem);
    // How many channels the object has is known from the file itself, or from the last time; else
    // the model is loaded here for that.
    char error[TIMBREL_ERROR_SIZE];
    timbrel_model* model = api->model_outline(path.c_str());
    if (!model)
        model = api->model_open(path.c_str(), error, sizeof(error));
    if (!model)
        throw std::runtime_error(error);
    const timbrel_method_info& method =
        host::choose_method(*api->model_info(model), arguments.method, problem);
    if (!problem.empty())
        object_error(object_, "%s", problem.c_str());
    shape_.channels_in = arguments.inlets.value_or(method.in_channels);
    shape_.channels_out = arguments.outlets.value_or(method.out_channels);
    const std::string chosen = method.name;
    api->model_release(model);
    create_stream();
    values_.set(kMethod, atom_of(chosen.c_str()));
    // Before the model, which is then made ready once.
    conversation_.say({"method", {chosen}});
    if (arguments.buffer != TIMBREL_BUFFER_DEFAULT) {
        values_.set(kBuffer, atom_of(arguments.buffer));
        conversation_.say({"buffer", {static_cast<double>(arguments.buffer)}});
    }
    conversation_.say({"load", {path}, true});
}

Player::~Player() {
    *alive_ = false;
    if (clock_)
        object_free(clock_);
    if (queue_element_)
        qelem_free(queue_element_);
    if (api)
        api->stream_release(stream_);
}

void Player::create_stream() {
    char error[TIMBREL_ERROR_SIZE];
    const timbrel_stream_options options{shape_.channels_in, shape_.channels_out, shape_.examples,
                                         0};
    timbrel_stream* made = api->stream_create(&options, error, sizeof(error));
    if (!made)
        throw std::runtime_error(error);
    api->stream_release(stream_);
    stream_ = made;
    stream_examples_ = shape_.examples;
    inlet_widths_.resize(static_cast<size_t>(shape_.inlets()), 1);
}

void Player::start(void* reports, method tick, method listen) {
    reports_ = reports;
    queue_element_ = static_cast<t_qelem*>(qelem_new(object_, listen));
    clock_ = static_cast<t_clock*>(clock_new(object_, tick));
    conversation_.go_on(true, [this](const Said& said) { carry_out(said); });
    clock_fdelay(clock_, 0);
}

// The scheduler's thread is not the one to speak on.
void Player::tick() {
    qelem_set(queue_element_);
    clock_fdelay(clock_, kEventPollMs);
}

// ---- messages ----

bool Player::on_main_thread() const {
    return systhread_ismainthread() != 0;
}

void Player::say(const std::string& selector, long count, const t_atom* atoms) {
    Said said{selector, values_of(count, atoms)};
    if (selector == "load" || model_errands().contains(selector)) {
        said.main_only = true;
    } else if (selector == "set") {
        for (size_t i = 1; i < said.values.size(); ++i)
            said.main_only |= std::holds_alternative<std::string>(said.values[i]);
    }
    conversation_.say(std::move(said));
    const bool main = on_main_thread();
    conversation_.go_on(main, [this](const Said& each) { carry_out(each); });
    if (main) {
        listen();
    } else {
        qelem_set(queue_element_);
    }
}

// In this thread's turn.
void Player::carry_out(const Said& said) {
    if (const auto errand = model_errands().find(said.selector); errand != model_errands().end()) {
        try {
            run_model_errand(errands_, errand->second, said.values);
        } catch (const std::exception& problem) {
            complaints_.emplace_back(problem.what());
        }
        return;
    }
    host::EngineAtoms atoms;
    if (said.main_only) {
        resolve(said, atoms);
        if (said.selector == "load" && atoms.size() == 0)
            return;
    } else {
        for (const host::Value& value : said.values)
            atoms.add(value);
    }
    send(said.selector, atoms);
    journal_.note(said.selector, said.values);
}

// Files, buffer~ objects and arrays in place of their names.
void Player::resolve(const Said& said, host::EngineAtoms& atoms) {
    if (said.selector == "load") {
        std::string problem;
        const bool usable = said.values.size() == 1;
        const std::string path =
            usable ? find_model(object_, host::text_of(said.values[0]), problem) : "";
        if (!usable)
            problem = "usage: load FILE";
        if (path.empty()) {
            complaints_.push_back(problem);
        } else {
            atoms.add(path);
        }
        return;
    }
    const host::Values values = with_arrays_unfolded(said.values);
    const std::string attribute = values.empty() ? "" : host::text_of(values[0]);
    for (size_t i = 0; i < values.size(); ++i) {
        const auto* name = std::get_if<std::string>(&values[i]);
        const std::string user = attribute + "#" + std::to_string(i);
        if (i == 0 || !name || !buffers_.add_content(user, *name, atoms))
            atoms.add(values[i]);
    }
}

void Player::send(const std::string& selector, const host::EngineAtoms& atoms) {
    char error[TIMBREL_ERROR_SIZE];
    if (api->stream_send(stream_, selector.c_str(), atoms.data(), atoms.size(), error,
                         sizeof(error)) != 0)
        complaints_.emplace_back(error);
}

void Player::set_attribute(AttributeIndex index, long count, const t_atom* atoms) {
    if (count == 1)
        values_.set(index, atoms[0]);
    if (attributes()[index].message)
        say(attributes()[index].name, count, atoms);
    if (index == kChans && queue_element_) {
        rewire_ = true;
        qelem_set(queue_element_);
    }
}

void Player::notify(t_symbol* name, t_symbol* message, void* sender, void* data) {
    if (buffers_.notify(name, message, sender, data) && queue_element_)
        qelem_set(queue_element_);
}

// ---- what there is to tell ----

void Player::listen() {
    const std::shared_ptr<bool> alive = alive_;
    read_changed_buffers();
    if (rewire_.exchange(false))
        recompile();
    for (int told = 0; told < kMostEventsAtOnce; ++told) {
        const std::unique_ptr<Event> event = next_event();
        if (!event)
            return;
        // A patch may delete the object in answer.
        tell(*event);
        if (!*alive)
            return;
    }
    qelem_set(queue_element_);
}

// The outlets are wide as they were until Max compiles the audio again.
void Player::recompile() {
    if (t_dspchain* chain = dspchain_fromobject(object_))
        dspchain_setbroken(chain);
}

std::unique_ptr<Player::Event> Player::next_event() {
    const Conversation::Turn turn = conversation_.take_turn();
    conversation_.carry_out_waiting(true, [this](const Said& said) { carry_out(said); });
    if (!complaints_.empty()) {
        auto event = std::make_unique<Event>(Event{"error", complaints_.front(), {}});
        complaints_.pop_front();
        return event;
    }
    const timbrel_event* event = api->stream_event(stream_);
    if (!event) {
        read_what_is_played();
        return next_tidings();
    }
    const std::string selector = event->selector;
    if (selector == "error" || selector == "notice")
        return std::make_unique<Event>(Event{selector, event->atoms[0].text, {}});
    return std::make_unique<Event>(Event{selector, "", atoms_of(*event)});
}

// Of what was done on other threads.
std::unique_ptr<Player::Event> Player::next_tidings() {
    const std::optional<host::Tidings> tidings = errands_.take();
    if (!tidings)
        return nullptr;
    if (tidings->selector == "error")
        return std::make_unique<Event>(Event{"error", tidings->words[0], {}});
    auto event = std::make_unique<Event>(Event{tidings->selector, "", {}});
    for (const std::string& word : tidings->words) {
        event->atoms.push_back(atom_of(word.c_str()));
        // A list is read more easily one below the other.
        event->line += (event->line.empty() ? "" : "\n") + tidings->selector + " " + word;
    }
    return event;
}

void Player::tell(const Event& event) {
    if (event.selector == "error") {
        object_error(object_, "%s: %s", name_.c_str(), event.line.c_str());
    } else if (event.selector == "notice") {
        object_post(object_, "%s: %s", name_.c_str(), event.line.c_str());
    } else {
        std::istringstream lines(event.line);
        for (std::string line; std::getline(lines, line);)
            object_post(object_, "%s", line.c_str());
        std::vector<t_atom> atoms = event.atoms;
        outlet_anything(reports_, gensym(event.selector.c_str()), static_cast<short>(atoms.size()),
                        atoms.data());
    }
}

// What the inspector shows follows what is played, once nothing is on its way any more.
void Player::read_what_is_played() {
    const timbrel_stream_info* info = api->stream_info(stream_);
    if (!info || !info->model || !info->method || api->stream_busy(stream_))
        return;
    name_ = info->model->name;
    values_.set(kMethod, atom_of(info->method->name));
    values_.set(kBuffer, atom_of(info->blocking ? 0 : info->block));
}

void Player::read_changed_buffers() {
    for (const std::string& user : buffers_.take_changed()) {
        if (values_.number(kTrackBuffers) == 0)
            continue;
        const Conversation::Turn turn = conversation_.take_turn();
        const std::string attribute = user.substr(0, user.rfind('#'));
        if (const host::Values* values = journal_.setting(attribute))
            conversation_.say({"set", *values, true});
    }
}

// ---- audio ----

bool Player::input_changed(long inlet, long channels) {
    const auto index = static_cast<size_t>(inlet);
    if (index >= inlet_widths_.size())
        return false;
    const int before = shape_.outlet_width();
    inlet_widths_[index] = channels;
    count_examples();
    return shape_.outlet_width() != before;
}

void Player::count_examples() {
    if (shape_.kind != Kind::mc)
        return;
    long widest = 1;
    for (const long width : inlet_widths_)
        widest = std::max(widest, width);
    shape_.examples = static_cast<int>(widest);
}

long Player::output_channels() {
    shape_.width = static_cast<int>(std::clamp(values_.number(kChans), 0.0, kMostChannels));
    return shape_.outlet_width();
}

bool Player::prepare(t_object* chain, double sample_rate, long vector_size) {
    const auto ask = [&](const char* what, size_t index) {
        return static_cast<long>(reinterpret_cast<intptr_t>(
            max::send(chain, what, object_, static_cast<intptr_t>(index))));
    };
    Shape wired = shape_;
    if (shape_.kind != Kind::single) {
        for (size_t i = 0; i < inlet_widths_.size(); ++i)
            inlet_widths_[i] = ask("getnuminputchannels", i);
        count_examples();
        wired = shape_;
        if (shape_.outlets() > 0)
            wired.width = static_cast<int>(ask("getnumoutputchannels", 0));
    }
    char error[TIMBREL_ERROR_SIZE];
    const timbrel_stream_config config{sample_rate, static_cast<int32_t>(vector_size), 0};
    const Conversation::Turn turn = conversation_.take_turn();
    const Use use(in_use_);
    wiring_ = Wiring(wired, inlet_widths_);
    if (shape_.examples != stream_examples_ && !begin_anew())
        return false;
    if (api->stream_prepare(stream_, &config, error, sizeof(error)) != 0) {
        object_error(object_, "%s: %s", name_.c_str(), error);
        return false;
    }
    return true;
}

// A stream's examples are fixed, so another number of them takes another stream, which is asked for
// all that this one was asked for and still plays. In this thread's turn.
bool Player::begin_anew() {
    try {
        create_stream();
    } catch (const std::exception& problem) {
        object_error(object_, "%s: %s", name_.c_str(), problem.what());
        return false;
    }
    const std::vector<Journal::Entry> asked = journal_.to_begin_anew();
    for (const Journal::Entry& each : asked)
        carry_out({each.selector, each.values, true});
    return true;
}

void Player::silence(double** outs, long out_count, long frames) noexcept TIMBREL_NONBLOCKING {
    for (long i = 0; i < out_count; ++i)
        std::fill_n(outs[i], frames, 0.0);
}

void Player::perform(double** ins, long in_count, double** outs, long out_count, long frames) {
    // acquire: it is played with what was changed.
    if (in_use_.exchange(true, std::memory_order_acquire)) {
        silence(outs, out_count, frames);
        return;
    }
    compute(ins, in_count, outs, out_count, frames);
    in_use_.store(false, std::memory_order_release);
}

void Player::compute(double** ins, long in_count, double** outs, long out_count, long frames) {
    // With the NonRealTime driver the audio is rendered on the main thread.
    const bool offline =
        values_.is_word(kOffline) ? on_main_thread() : values_.number(kOffline) != 0;
    api->stream_set_offline(stream_, offline);
    if (!api->stream_waits(stream_)) {
        play(ins, in_count, outs, out_count, frames);
        return;
    }
    wiring_.connect(ins, in_count, outs, out_count);
    api->stream_process_blocking_f64(stream_, wiring_.inputs(), wiring_.outputs(),
                                     static_cast<int32_t>(frames));
    wiring_.clear_unreached(outs, out_count, frames);
}

void Player::play(double** ins, long in_count, double** outs, long out_count,
                  long frames) noexcept TIMBREL_NONBLOCKING {
    wiring_.connect(ins, in_count, outs, out_count);
    api->stream_process_f64(stream_, wiring_.inputs(), wiring_.outputs(),
                            static_cast<int32_t>(frames));
    wiring_.clear_unreached(outs, out_count, frames);
}

// ---- what the pointer shows ----

std::string Player::assistance(bool inlet, long index) {
    if (!inlet && index >= shape_.outlets())
        return "(anything) reports";
    std::vector<std::string> labels;
    const int channels = inlet ? shape_.channels_in : shape_.channels_out;
    for (int i = 0; i < channels; ++i)
        labels.push_back((inlet ? "input " : "output ") + std::to_string(i + 1));
    {
        const Conversation::Turn turn = conversation_.take_turn();
        const timbrel_stream_info* info = api->stream_info(stream_);
        if (info && info->method) {
            const timbrel_method_info& method = *info->method;
            const int known = std::min(channels, inlet ? method.in_channels : method.out_channels);
            for (int i = 0; i < known; ++i) {
                const char* label = (inlet ? method.input_labels : method.output_labels)[i];
                if (*label)
                    labels[static_cast<size_t>(i)] = label;
            }
        }
    }
    const std::string also = inlet && index == 0 ? ", messages" : "";
    if (shape_.kind == Kind::mcs) {
        std::string list;
        for (const std::string& label : labels)
            list += (list.empty() ? "" : ", ") + label;
        return "(multichannel signal) example " + std::to_string(index + 1) + ": " + list + also;
    }
    const std::string label =
        static_cast<size_t>(index) < labels.size() ? labels[static_cast<size_t>(index)] : "";
    if (shape_.kind == Kind::mc)
        return "(multichannel signal) " + label + ", one example per channel" + also;
    return "(signal) " + label + also;
}

}  // namespace timbrel::max
