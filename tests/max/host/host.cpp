#include "host.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace maxhost {
namespace {

template <typename Result, typename... Arguments>
Result call(method function, Arguments... arguments) {
    return reinterpret_cast<Result (*)(Arguments...)>(reinterpret_cast<void*>(function))(
        arguments...);
}

}  // namespace

// ---- atoms ----

Atoms parse(const std::string& text) {
    Atoms atoms;
    std::istringstream stream(text);
    for (std::string word; stream >> word;) {
        char* end = nullptr;
        const long whole = std::strtol(word.c_str(), &end, 10);
        if (!*end) {
            atoms.emplace_back(whole);
            continue;
        }
        const double number = std::strtod(word.c_str(), &end);
        if (!*end) {
            atoms.emplace_back(number);
        } else {
            atoms.emplace_back(word);
        }
    }
    return atoms;
}

std::string print(const Atoms& atoms) {
    std::ostringstream stream;
    for (size_t i = 0; i < atoms.size(); ++i) {
        stream << (i ? " " : "");
        std::visit([&](const auto& value) { stream << value; }, atoms[i]);
    }
    return stream.str();
}

std::vector<t_atom> to_max(const Atoms& atoms) {
    std::vector<t_atom> list;
    for (const Atom& atom : atoms) {
        t_atom to{};
        if (const auto* whole = std::get_if<long>(&atom)) {
            to.a_type = A_LONG;
            to.a_w.w_long = *whole;
        } else if (const auto* number = std::get_if<double>(&atom)) {
            to.a_type = A_FLOAT;
            to.a_w.w_float = *number;
        } else {
            to.a_type = A_SYM;
            to.a_w.w_sym = Host::get().symbol(std::get<std::string>(atom));
        }
        list.push_back(to);
    }
    return list;
}

Atoms from_max(long count, const t_atom* atoms) {
    Atoms list;
    for (long i = 0; i < count; ++i) {
        if (atoms[i].a_type == A_LONG) {
            list.emplace_back(static_cast<long>(atoms[i].a_w.w_long));
        } else if (atoms[i].a_type == A_FLOAT) {
            list.emplace_back(atoms[i].a_w.w_float);
        } else if (atoms[i].a_type == A_SYM) {
            list.emplace_back(std::string(atoms[i].a_w.w_sym->s_name));
        } else {
            throw std::logic_error("an atom of a type that no message has");
        }
    }
    return list;
}

Attribute* Class::attribute(const std::string& wanted) {
    for (const auto& each : attributes) {
        if (each->name == wanted)
            return each.get();
    }
    return nullptr;
}

const Dictionary* Dictionary::in(const std::string& key) const {
    const auto found = values.find(key);
    if (found == values.end() || !std::holds_alternative<Dictionary*>(found->second))
        return nullptr;
    return std::get<Dictionary*>(found->second);
}

std::string Dictionary::text(const std::string& key) const {
    const auto found = values.find(key);
    if (found == values.end() || !std::holds_alternative<Atoms>(found->second))
        return {};
    return print(std::get<Atoms>(found->second));
}

// ---- the host ----

Host& Host::get() {
    static auto* host = new Host;
    return *host;
}

void Host::begin() {
    main_ = std::this_thread::get_id();
}

t_symbol* Host::symbol(const std::string& name) {
    const std::lock_guard lock(tables);
    auto& entry = symbols[name];
    if (!entry)
        entry.reset(new t_symbol{strdup(name.c_str()), nullptr});
    return entry.get();
}

void Host::open_external(const std::string& path) {
    // With all of its symbols, as an external's own are hidden and Max's are this program's.
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
        throw std::runtime_error(dlerror());
    void* entry = dlsym(library, "ext_main");
    if (!entry)
        throw std::runtime_error(path + " has no ext_main");
    reinterpret_cast<void (*)(void*)>(entry)(nullptr);
}

Class* Host::find_class(const std::string& name) {
    const std::lock_guard lock(tables);
    const auto found = classes.find(name);
    return found == classes.end() ? nullptr : found->second.get();
}

Box* Host::find(const void* object) {
    const std::lock_guard lock(tables);
    const auto found = boxes.find(object);
    return found == boxes.end() ? nullptr : found->second.get();
}

Box* Host::make(const std::string& text) {
    Atoms atoms = parse(text);
    const std::string name = std::get<std::string>(atoms.at(0));
    atoms.erase(atoms.begin());
    Class* of = find_class(name);
    if (!of)
        throw std::runtime_error(name + ": no such object");
    const std::lock_guard lock(critical);
    std::vector<t_atom> list = to_max(atoms);
    auto* object =
        call<t_object*>(of->create, symbol(name), static_cast<long>(list.size()), list.data());
    return object ? find(object) : nullptr;
}

void Host::remove(Box* box) {
    const std::lock_guard lock(critical);
    object_free(box->object);
}

bool Host::set_attribute(Box& box, const std::string& name, long count, t_atom* atoms) {
    Attribute* attribute = box.of->attribute(name);
    if (!attribute)
        return false;
    call<t_max_err>(attribute->set, static_cast<void*>(box.object), static_cast<void*>(attribute),
                    count, atoms);
    return true;
}

std::string Host::attribute(Box& box, const std::string& name) {
    Attribute* attribute = box.of->attribute(name);
    if (!attribute)
        throw std::runtime_error("no attribute " + name);
    long count = 0;
    t_atom* atoms = nullptr;
    call<t_max_err>(attribute->get, static_cast<void*>(box.object), static_cast<void*>(attribute),
                    &count, &atoms);
    const std::string text = print(from_max(count, atoms));
    std::free(atoms);
    return text;
}

void Host::send(Box& box, const std::string& text) {
    Atoms atoms = parse(text);
    std::string selector = "list";
    if (!std::holds_alternative<std::string>(atoms.at(0))) {
        if (atoms.size() == 1)
            selector = std::holds_alternative<long>(atoms[0]) ? "int" : "float";
    } else {
        selector = std::get<std::string>(atoms[0]);
        atoms.erase(atoms.begin());
    }
    std::vector<t_atom> list = to_max(atoms);
    const auto count = static_cast<long>(list.size());
    t_object* object = box.object;
    auto found = box.of->methods.find(selector);
    if (found == box.of->methods.end()) {
        if (set_attribute(box, selector, count, list.data()))
            return;
        if (selector.starts_with("get") && box.of->attribute(selector.substr(3))) {
            const std::string name = selector.substr(3);
            hear(box, box.outlet_count() - 1, name + " " + attribute(box, name));
            return;
        }
        const bool words = selector != "int" && selector != "float" && selector != "list";
        found = words ? box.of->methods.find("anything") : box.of->methods.end();
    }
    const int type = found == box.of->methods.end() ? A_CANT
                     : found->second.types.empty()  ? A_NOTHING
                                                    : static_cast<int>(found->second.types[0]);
    t_symbol* name = symbol(selector);
    if (type == A_CANT) {
        print_console("error", object, "doesn't understand \"" + selector + "\"");
    } else if (type == A_NOTHING) {
        call<void>(found->second.function, object);
    } else if (type == A_GIMME || on_main_thread()) {
        call<void>(found->second.function, object, name, count, list.data());
    } else {
        defer([function = found->second.function, object, name, list]() mutable {
            if (get().find(object))
                call<void>(function, object, name, static_cast<long>(list.size()), list.data());
        });
    }
}

std::string Host::assistance(Box& box, bool inlet, long index) {
    char text[512] = "";
    call<void>(box.of->methods.at("assist").function, box.object, static_cast<void*>(nullptr),
               inlet ? 1L : 2L, index, static_cast<char*>(text));
    return text;
}

// ---- threads ----

void Host::defer(std::function<void()> task) {
    const std::lock_guard lock(tables);
    queue.push_back(std::move(task));
}

void Host::serve_queue() {
    if (!on_main_thread())
        throw std::logic_error("the queue is served by the main thread");
    // What is put there meanwhile is for the next time.
    size_t count = 0;
    {
        const std::lock_guard lock(tables);
        count = queue.size();
    }
    for (; count > 0; --count) {
        std::function<void()> task;
        {
            const std::lock_guard lock(tables);
            task = std::move(queue.front());
            queue.pop_front();
        }
        task();
    }
}

void Host::run_scheduler(double ms) {
    double until = 0;
    {
        const std::lock_guard lock(tables);
        until = now + ms;
    }
    for (;;) {
        // Held while a clock runs, so that an object is not freed under it.
        const std::lock_guard protection(critical);
        Clock* next = nullptr;
        {
            const std::lock_guard lock(tables);
            for (const auto& [key, clock] : clocks) {
                if (clock->due >= 0 && clock->due <= until && (!next || clock->due < next->due))
                    next = clock.get();
            }
            if (!next) {
                now = until;
                return;
            }
            now = std::max(now, next->due);
            next->due = -1;
        }
        call<void>(next->function, next->object);
    }
}

// ---- what is said ----

void Host::print_console(const char* kind, const t_object* object, const std::string& line) {
    const Box* box = object ? find(object) : nullptr;
    const std::lock_guard lock(tables);
    console_.push_back(std::string(kind) + ": " + (box ? box->of->name + ": " : "") + line);
}

std::vector<std::string> Host::take_console() {
    const std::lock_guard lock(tables);
    return std::exchange(console_, {});
}

void Host::hear(Box& box, int outlet, const std::string& text) {
    const std::lock_guard lock(critical);
    const Heard heard{outlet, text};
    box.heard.push_back(heard);
    if (box.then)
        std::function(box.then)(heard);
}

std::vector<Heard> Host::take_heard(Box& box) {
    const std::lock_guard lock(critical);
    return std::exchange(box.heard, {});
}

// ---- buffers, arrays, dictionaries ----

Buffer& Host::make_buffer(const std::string& name, long channels, double rate,
                          std::vector<float> interleaved) {
    const std::lock_guard lock(tables);
    auto& buffer = buffers[name];
    buffer = std::make_unique<Buffer>();
    buffer->name = name;
    buffer->channels = channels;
    buffer->rate = rate;
    buffer->samples = std::move(interleaved);
    return *buffer;
}

void Host::change_buffer(Buffer& buffer, std::vector<float> interleaved) {
    {
        const std::lock_guard lock(tables);
        if (buffer.locked)
            throw std::logic_error("a buffer~ that is locked is not written to");
        buffer.samples = std::move(interleaved);
    }
    notify_users(buffer, "buffer_modified");
}

void Host::remove_buffer(const std::string& name) {
    const std::lock_guard lock(tables);
    buffers.erase(name);
}

void Host::notify_users(Buffer& buffer, const char* message) {
    std::vector<t_object*> users;
    {
        const std::lock_guard lock(tables);
        for (const auto& [key, reference] : references) {
            if (reference->name == buffer.name &&
                std::find(users.begin(), users.end(), reference->owner) == users.end())
                users.push_back(reference->owner);
        }
    }
    for (t_object* user : users) {
        const Box* box = find(user);
        call<t_max_err>(box->of->methods.at("notify").function, user, symbol(buffer.name),
                        symbol(message), static_cast<void*>(&buffer), static_cast<void*>(nullptr));
    }
}

void Host::make_array(const std::string& name, const Atoms& atoms) {
    const std::lock_guard lock(tables);
    arrays[name] = atoms;
}

const Dictionary* Host::dictionary(const std::string& name) {
    const std::lock_guard lock(tables);
    const auto found = dictionaries.find(name);
    return found == dictionaries.end() ? nullptr : found->second;
}

}  // namespace maxhost
