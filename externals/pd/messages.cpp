#include <algorithm>
#include <string_view>

#include "arguments.h"
#include "host/model_store.h"
#include "message_table.h"
#include "object.h"
#include "package.h"

namespace timbrel::pd {

void send(Object* x, const char* selector, std::shared_ptr<const host::EngineAtoms> atoms) {
    std::string error;
    if (!x->state->player->send(selector, std::move(atoms), error))
        tell(x, true, error);
}

namespace {

host::ModelStore model_store() {
    return host::ModelStore(package_folder() / "models");
}

// Everything that the engine understands, which has the table of it.
void anything(Object* x, t_symbol* selector, int count, t_atom* arguments) {
    const std::shared_ptr<bool> alive = x->state->alive;
    auto atoms = std::make_shared<host::EngineAtoms>();
    for (int i = 0; i < count; ++i)
        add(*atoms, arguments[i]);
    send(x, selector->s_name, std::move(atoms));
    if (*alive)
        tell_events(x);
}

void bang(Object* x) {
    anything(x, gensym("bang"), 0, nullptr);
}

void load(Object* x, t_symbol* selector, int count, t_atom* arguments) {
    if (count != 1) {
        anything(x, selector, count, arguments);  // which says how it is used
        return;
    }
    std::string problem;
    const std::string path = find_model(x->state->canvas, text_of(arguments[0]), problem);
    if (path.empty()) {
        tell(x, true, problem);
        return;
    }
    t_atom file;
    SETSYMBOL(&file, gensym(path.c_str()));
    anything(x, selector, 1, &file);
}

void offline(Object* x, t_symbol*, int count, t_atom* arguments) {
    State& state = *x->state;
    if (count == 1 && arguments->a_type == A_FLOAT) {
        state.offline = atom_getfloat(arguments) != 0 ? Offline::always : Offline::never;
    } else if (count == 1 && atom_getsymbol(arguments) == gensym("auto")) {
        state.offline = Offline::automatic;
    } else {
        tell(x, true, "usage: offline 0/1/auto");
        return;
    }
    decide_waiting(state);
}

// ---- models from the network ----

void print_available_models(Object* x) {
    x->state->errands.run(
        [store = model_store()]() -> host::Tidings { return {"available", store.available()}; });
}

void download(Object* x, t_symbol*, int count, t_atom* arguments) {
    if (count < 1 || count > 2) {
        tell(x, true, "usage: download NAME [AS]");
        return;
    }
    const std::string name = text_of(arguments[0]), as = count > 1 ? text_of(arguments[1]) : "";
    x->state->errands.run([store = model_store(), name, as]() -> host::Tidings {
        const auto file = store.download(name, as).filename().u8string();
        return {"downloaded", {{file.begin(), file.end()}}};
    });
}

void remove(Object* x, t_symbol*, int count, t_atom* arguments) {
    if (count != 1) {
        tell(x, true, "usage: remove NAME");
        return;
    }
    x->state->errands.run([store = model_store(), name = text_of(*arguments)]() -> host::Tidings {
        store.remove(name);
        return {"removed", {name}};
    });
}

// ---- what Pure Data understands besides ----

void help(Object* x);

struct HostMessage {
    const timbrel_message& message;
    t_method method;
};

const std::vector<HostMessage>& host_messages() {
    static const std::vector<HostMessage> table{
        {kLoad, as_method(load)},
        {kOffline, as_method(offline)},
        {kPrintAvailableModels, as_method(print_available_models)},
        {kDownload, as_method(download)},
        {kRemove, as_method(remove)},
        {kHelp, as_method(help)},
    };
    return table;
}

void print_message(const timbrel_message& message) {
    post("nn~: %s%s%s: %s", message.name, *message.arguments ? " " : "", message.arguments,
         message.does);
}

void help(Object*) {
    const auto& own = host_messages();
    int32_t count = 0;
    const timbrel_message* messages = api->messages(&count);
    for (const timbrel_message* each = messages; each != messages + count; ++each) {
        const auto replaced = std::find_if(own.begin(), own.end(), [&](const HostMessage& other) {
            return std::string_view(other.message.name) == each->name;
        });
        if (replaced == own.end())
            print_message(*each);
    }
    for (const HostMessage& each : own)
        print_message(each.message);
    for (const Flag& flag : flags())
        post("nn~: [nn~ %s ...]: %s", flag.name, flag.does);
}

}  // namespace

void add_messages(t_class* nn_class) {
    for (const HostMessage& each : host_messages()) {
        class_addmethod(nn_class, each.method, gensym(each.message.name),
                        *each.message.arguments ? A_GIMME : A_NULL, A_NULL);
    }
    class_addbang(nn_class, as_method(bang));
    class_addanything(nn_class, as_method(anything));
}

}  // namespace timbrel::pd
