// [nn.info model]: what a model offers, without playing it.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "atoms.h"
#include "host/model_choice.h"
#include "max_api.h"
#include "model_dictionary.h"
#include "model_errands.h"
#include "model_reader.h"
#include "package.h"

using namespace timbrel;
using namespace timbrel::max;

namespace {

t_class* info_class = nullptr;
const timbrel_api* api = nullptr;

// From left to right.
enum Outlet { kPath, kMethods, kAttributes, kParameters, kDictionary, kModels, kOutletCount };

struct Request {
    std::string selector;
    host::Values values;
};

struct State {
    ~State() {
        *alive = false;
        for (t_dictionary* each : made)
            object_free(each);
        if (api)
            api->model_release(model);
    }

    std::unique_ptr<ModelReader> reader;
    timbrel_model* model = nullptr;
    std::deque<Request> waiting;  // for the model that is being read
    t_symbol* dictionary = nullptr;
    t_symbol* models_dictionary = nullptr;
    std::vector<std::string> downloadable;
    host::Errands errands;
    int errands_under_way = 0;
    t_clock* clock = nullptr;
    std::vector<t_dictionary*> made;  // of the dictionaries, those that this object has to free
    void* outlets[kOutletCount] = {};
    t_qelem* queue_element = nullptr;
    // False once the object is gone, which may happen while it speaks.
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

struct Object {
    t_object base;
    State* state;
};

// ---- answers, each out of its outlet; false where the object is gone ----

class Answer {
  public:
    explicit Answer(Object* x) : x_(x), alive_(x->state->alive) {}

    Answer& send(Outlet outlet, const char* selector, std::vector<t_atom> atoms = {}) {
        if (*alive_)
            outlet_anything(x_->state->outlets[outlet], gensym(selector),
                            static_cast<short>(atoms.size()), atoms.data());
        return *this;
    }
    // The model's description; null where there is none, or no object any more.
    const timbrel_model_info* info() const {
        return *alive_ && x_->state->model ? api->model_info(x_->state->model) : nullptr;
    }
    Object* object() const { return *alive_ ? x_ : nullptr; }

  private:
    Object* const x_;
    const std::shared_ptr<bool> alive_;
};

void tell_path(Answer& answer) {
    const timbrel_model_info* info = answer.info();
    answer.send(kPath, info ? info->path : "none");
}

void tell_methods(Answer& answer) {
    for (int i = 0; answer.info() && i < answer.info()->method_count; ++i)
        answer.send(kMethods, "method", {atom_of(answer.info()->methods[i].name)});
}

void tell_attributes(Answer& answer) {
    for (int i = 0; answer.info() && i < answer.info()->attribute_count; ++i)
        answer.send(kAttributes, "attribute", {atom_of(answer.info()->attributes[i].name)});
}

// True where there is a method or an attribute of that name.
bool tell_parameters(Answer& answer, const std::string& name) {
    const timbrel_model_info* info = answer.info();
    if (!info)
        return false;
    for (int i = 0; i < info->method_count; ++i) {
        const timbrel_method_info method = info->methods[i];
        if (name != method.name)
            continue;
        const auto tell = [&](const char* what, int32_t value) {
            answer.send(kParameters, name.c_str(), {atom_of(what), atom_of(value)});
        };
        tell("channels_in", method.in_channels);
        tell("channels_out", method.out_channels);
        tell("ratio_in", method.in_ratio);
        tell("ratio_out", method.out_ratio);
        tell("latency", method.latency);
        return true;
    }
    for (int i = 0; i < info->attribute_count; ++i) {
        const timbrel_attribute_info& attribute = info->attributes[i];
        if (name != attribute.name)
            continue;
        std::vector<t_atom> atoms{atom_of("attribute_type")};
        for (int element = 0; element < attribute.element_count; ++element)
            atoms.push_back(atom_of(type_name(attribute.elements[element])));
        answer.send(kParameters, name.c_str(), atoms);
        return true;
    }
    return false;
}

void tell_dictionary(Answer& answer) {
    if (answer.info())
        answer.send(kDictionary, "dictionary",
                    {atom_of(answer.object()->state->dictionary->s_name)});
}

// What lies in the package's models folder, by name, with its path; and what the index listed when
// it was last asked for.
void tell_models(Answer& answer) {
    if (!answer.object())
        return;
    State& state = *answer.object()->state;
    t_symbol*& name = state.models_dictionary;
    t_dictionary* made = publish_dictionary(name, [&](t_dictionary* into) {
        namespace fs = std::filesystem;
        for (const std::string& each : state.downloadable)
            dictionary_appendsym(into, gensym(each.c_str()), gensym("downloadable"));
        std::error_code problem;
        for (const auto& entry : fs::directory_iterator(package_folder() / "models", problem)) {
            if (entry.path().extension() == ".ts")
                dictionary_appendsym(into, gensym(entry.path().stem().string().c_str()),
                                     gensym(entry.path().string().c_str()));
        }
    });
    if (made)
        state.made.push_back(made);
    answer.send(kModels, "dictionary", {atom_of(name->s_name)});
}

void tell_all(Answer& answer) {
    tell_models(answer);
    tell_dictionary(answer);
    std::vector<std::string> names;
    for (int i = 0; answer.info() && i < answer.info()->method_count; ++i)
        names.emplace_back(answer.info()->methods[i].name);
    for (int i = 0; answer.info() && i < answer.info()->attribute_count; ++i)
        names.emplace_back(answer.info()->attributes[i].name);
    for (const std::string& name : names)
        tell_parameters(answer, name);
    tell_attributes(answer);
    tell_methods(answer);
    tell_path(answer);
}

// ---- messages ----

void read_model(Object* x, const std::string& name) {
    std::string problem;
    const std::string path = find_model(&x->base, name, problem);
    if (path.empty()) {
        object_error(&x->base, "%s", problem.c_str());
    } else {
        x->state->reader->read(path);
    }
}

void publish(Object* x) {
    State& state = *x->state;
    if (!state.model)
        return;
    const timbrel_model_info& info = *api->model_info(state.model);
    t_dictionary* made =
        publish_dictionary(state.dictionary, [&](t_dictionary* into) { describe(info, into); });
    if (made)
        state.made.push_back(made);
}

void answer_request(Object* x, const Request& request) {
    const std::string& selector = request.selector;
    Answer answer(x);
    if (selector == "path") {
        tell_path(answer);
    } else if (selector == "bang" || selector == "dump") {
        tell_all(answer);
    } else if (!x->state->model) {
        object_error(&x->base, "no model is read; 'set MODEL' reads one");
    } else if (selector == "methods") {
        tell_methods(answer);
    } else if (selector == "attributes") {
        tell_attributes(answer);
    } else if (selector == "dump_dict") {
        tell_dictionary(answer);
    } else if (request.values.size() != 1) {
        object_error(&x->base, "usage: parameters METHOD or ATTRIBUTE");
    } else if (!tell_parameters(answer, host::text_of(request.values[0]))) {
        object_error(&x->base, "%s has no method and no attribute '%s'",
                     api->model_info(x->state->model)->name,
                     host::text_of(request.values[0]).c_str());
    }
}

// How often it is looked whether an errand is done.
constexpr double kErrandPollMs = 50;

bool is_errand(const std::string& selector) {
    return selector == "get_available_models" || selector == "download" || selector == "delete";
}

void begin_errand(Object* x, const Request& request) {
    const bool lists = request.selector == "get_available_models";
    try {
        run_model_errand(x->state->errands, lists ? "available" : request.selector, request.values);
    } catch (const std::exception& problem) {
        object_error(&x->base, "%s", problem.what());
        return;
    }
    ++x->state->errands_under_way;
    clock_fdelay(x->state->clock, kErrandPollMs);
}

// What came of errands; in any case followed by the models that there are now.
void tell_errands(Object* x) {
    State& state = *x->state;
    const std::shared_ptr<bool> alive = state.alive;
    while (*alive) {
        const std::optional<host::Tidings> tidings = state.errands.take();
        if (!tidings)
            break;
        --state.errands_under_way;
        if (tidings->selector == "error") {
            object_error(&x->base, "%s", tidings->words[0].c_str());
        } else if (tidings->selector == "available") {
            state.downloadable = tidings->words;
        } else {
            object_post(&x->base, "%s %s", tidings->selector.c_str(), tidings->words[0].c_str());
        }
        Answer answer(x);
        tell_models(answer);
    }
    if (*alive && state.errands_under_way > 0)
        clock_fdelay(state.clock, kErrandPollMs);
}

void tick(Object* x) {
    qelem_set(x->state->queue_element);
}

// [main thread] The model was read, or messages came from another thread.
void listen(Object* x) {
    State& state = *x->state;
    const std::shared_ptr<bool> alive = state.alive;
    std::string error;
    if (timbrel_model* model = state.reader->take(error)) {
        api->model_release(state.model);
        state.model = model;
        publish(x);
    } else if (!error.empty()) {
        object_error(&x->base, "%s", error.c_str());
    }
    // What is asked while a model is read is asked of that one. The object may go while it speaks.
    while (*alive && !state.waiting.empty() && !state.reader->busy()) {
        const Request request = std::move(state.waiting.front());
        state.waiting.pop_front();
        if (request.selector == "set") {
            read_model(x, host::text_of(request.values[0]));
        } else if (is_errand(request.selector)) {
            begin_errand(x, request);
        } else {
            answer_request(x, request);
        }
    }
    if (*alive)
        tell_errands(x);
}

// Deferred to the main thread, by the type of the method.
void anything(Object* x, t_symbol* selector, long count, t_atom* atoms) {
    const std::string name = selector->s_name;
    const host::Values values = values_of(count, atoms);
    constexpr const char* kKnown[] = {
        "path", "methods", "attributes", "parameters", "dump_dict",           "dump",
        "bang", "set",     "download",   "delete",     "get_available_models"};
    const bool known = std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown);
    if (!known) {
        object_error(&x->base, "no message '%s'", name.c_str());
    } else if (name == "set" && values.size() != 1) {
        object_error(&x->base, "usage: set MODEL");
    } else {
        x->state->waiting.push_back({name, values});
        listen(x);
    }
}

void bang(Object* x, t_symbol*, long, t_atom*) {
    anything(x, gensym("bang"), 0, nullptr);
}

// ---- creation ----

t_max_err get_dict(Object* x, void*, long* count, t_atom** atoms) {
    char allocated = 0;
    const t_max_err problem = atom_alloc(count, atoms, &allocated);
    if (problem == MAX_ERR_NONE)
        **atoms = atom_of(x->state->dictionary ? x->state->dictionary->s_name : "");
    return problem;
}

t_max_err set_dict(Object* x, void*, long count, t_atom* atoms) {
    if (count == 1 && atoms->a_type == A_SYM) {
        x->state->dictionary = atoms->a_w.w_sym;
        publish(x);
    }
    return MAX_ERR_NONE;
}

void assist(Object*, void*, long side, long index, char* text) {
    constexpr const char* kOutlets[kOutletCount] = {"(symbol) path",
                                                    "(method NAME) one per method",
                                                    "(attribute NAME) one per attribute",
                                                    "(NAME what value) parameters",
                                                    "(dictionary) the model",
                                                    "(dictionary) models there and downloadable"};
    constexpr size_t kSize = 512;
    std::snprintf(text, kSize, "%s",
                  side == 1 ? "set, path, methods, attributes, parameters, dump_dict, bang, "
                              "get_available_models, download, delete"
                            : kOutlets[index]);
}

void* create(t_symbol*, long count, t_atom* atoms) {
    auto* x = static_cast<Object*>(object_alloc(info_class));
    if (!x)
        return nullptr;
    x->state = new State;
    State& state = *x->state;
    std::string problem;
    api = engine(problem);
    if (!api) {
        object_error(&x->base, "%s", problem.c_str());
        object_free(x);
        return nullptr;
    }
    for (int i = kOutletCount; i-- > 0;)
        state.outlets[i] = outlet_new(x, nullptr);
    state.queue_element = static_cast<t_qelem*>(qelem_new(x, as_method(listen)));
    state.clock = static_cast<t_clock*>(clock_new(x, as_method(tick)));
    state.reader =
        std::make_unique<ModelReader>(api, [element = state.queue_element] { qelem_set(element); });
    attr_args_process(x, static_cast<short>(count), atoms);
    const long words = std::min(count, attr_args_offset(static_cast<short>(count), atoms));
    if (words > 0)
        read_model(x, host::text_of(values_of(1, atoms).at(0)));
    return x;
}

void destroy(Object* x) {
    x->state->reader.reset();
    if (x->state->clock)
        object_free(x->state->clock);
    if (x->state->queue_element)
        qelem_free(x->state->queue_element);
    delete x->state;
}

}  // namespace

extern "C" C74_EXPORT void ext_main(void*) {
    t_class* c = class_new("nn.info", as_method(create), as_method(destroy), sizeof(Object),
                           nullptr, A_GIMME, 0);
    class_addmethod(c, as_method(assist), "assist", A_CANT, 0);
    // Files are read and dictionaries filled on the main thread.
    class_addmethod(c, as_method(bang), "bang", A_DEFER, 0);
    class_addmethod(c, as_method(anything), "anything", A_DEFER, 0);
    class_addmethod(c, as_method(object_obex_dumpout), "dumpout", A_CANT, 0);
    class_addattr(c, attr_offset_new("dict", gensym("symbol"), 0, as_method(get_dict),
                                     as_method(set_dict), 0));
    t_atom label = atom_of("Dictionary");
    class_attr_addattr_atoms(c, "dict", "label", gensym("symbol"), 0, 1, &label);
    class_register(gensym("box"), c);
    info_class = c;
}
