// The functions of Max that an external calls, by the names that it looks for in the program.
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "host.h"
#include "jpatcher_api.h"

using namespace maxhost;

namespace {

Host& host() {
    return Host::get();
}

Class* as_class(t_class* c) {
    return reinterpret_cast<Class*>(c);
}

Dictionary* as_dictionary(t_dictionary* x) {
    return reinterpret_cast<Dictionary*>(x);
}

void main_thread_only(const char* function) {
    if (!host().on_main_thread())
        throw std::logic_error(std::string(function) + " is for the main thread");
}

void say(const char* kind, t_object* x, const char* format, va_list arguments) {
    char line[1024];
    std::vsnprintf(line, sizeof(line), format, arguments);
    host().print_console(kind, x, line);
}

// Variable arguments up to the 0 that ends the list.
std::vector<short> read_types(va_list list) {
    std::vector<short> types;
    for (int type = va_arg(list, int); type; type = va_arg(list, int))
        types.push_back(static_cast<short>(type));
    return types;
}

void free_dictionary(Dictionary* x) {
    for (auto& [key, value] : x->values) {
        if (auto** inner = std::get_if<Dictionary*>(&value))
            free_dictionary(*inner);
    }
    delete x;
}

void clear(Dictionary* x) {
    for (auto& [key, value] : x->values) {
        if (auto** inner = std::get_if<Dictionary*>(&value))
            free_dictionary(*inner);
    }
    x->values.clear();
}

Buffer* buffer_of(t_buffer_ref* reference) {
    const std::lock_guard lock(host().tables);
    const auto found = host().references.find(reference);
    if (found == host().references.end())
        throw std::logic_error("a buffer_ref that is none");
    const auto buffer = host().buffers.find(found->second->name);
    return buffer == host().buffers.end() ? nullptr : buffer->second.get();
}

constexpr t_ptr_int kMagic = 1758379419;

}  // namespace

extern "C" {

t_symbol* gensym(const char* name) {
    return host().symbol(name);
}

void object_post(t_object* x, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("post", x, format, arguments);
    va_end(arguments);
}

void object_error(t_object* x, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("error", x, format, arguments);
    va_end(arguments);
}

// ---- classes ----

t_class* class_new(const char* name, const method create, const method destroy, long size,
                   const method, short, ...) {
    const std::lock_guard lock(host().tables);
    auto made = std::make_unique<Class>();
    made->name = name;
    made->create = create;
    made->destroy = destroy;
    made->size = size;
    auto* c = reinterpret_cast<t_class*>(made.get());
    host().classes[name] = std::move(made);
    return c;
}

t_max_err class_addmethod(t_class* c, const method function, const char* name, ...) {
    va_list list;
    va_start(list, name);
    as_class(c)->methods[name] = {function, read_types(list)};
    va_end(list);
    return MAX_ERR_NONE;
}

t_object* attr_offset_new(const char* name, const t_symbol* type, long, const method get,
                          const method set, long) {
    auto* made = new Attribute{name, type->s_name, get, set, {}};
    const std::lock_guard lock(host().tables);
    host().attributes[made] = made;
    return reinterpret_cast<t_object*>(made);
}

t_max_err class_addattr(t_class* c, t_object* attribute) {
    as_class(c)->attributes.emplace_back(reinterpret_cast<Attribute*>(attribute));
    return MAX_ERR_NONE;
}

t_max_err class_attr_addattr_atoms(t_class* c, const char* attribute, const char* name, t_symbol*,
                                   long, long count, t_atom* atoms) {
    Attribute* of = as_class(c)->attribute(attribute);
    if (!of)
        return MAX_ERR_GENERIC;
    of->shown[name] = print(from_max(count, atoms));
    return MAX_ERR_NONE;
}

t_max_err class_register(t_symbol*, t_class*) {
    return MAX_ERR_NONE;
}

void class_dspinit(t_class* c) {
    as_class(c)->dsp = true;
}

long attr_args_offset(short count, t_atom* atoms) {
    for (short i = 0; i < count; ++i) {
        if (atoms[i].a_type == A_SYM && atoms[i].a_w.w_sym->s_name[0] == '@')
            return i;
    }
    return count;
}

void attr_args_process(void* x, short count, t_atom* atoms) {
    Box* box = host().find(x);
    for (short i = static_cast<short>(attr_args_offset(count, atoms)); i < count;) {
        const std::string name = atoms[i].a_w.w_sym->s_name + 1;
        const auto length =
            static_cast<short>(attr_args_offset(static_cast<short>(count - i - 1), atoms + i + 1));
        if (!host().set_attribute(*box, name, length, atoms + i + 1))
            host().print_console("error", box->object, "no attribute " + name);
        i = static_cast<short>(i + 1 + length);
    }
}

t_max_err atom_alloc(long* count, t_atom** atoms, char* allocated) {
    *allocated = !*count || !*atoms;
    if (*allocated) {
        *count = 1;
        *atoms = static_cast<t_atom*>(std::calloc(1, sizeof(t_atom)));
    }
    return MAX_ERR_NONE;
}

// ---- objects ----

void* object_alloc(t_class* c) {
    auto box = std::make_unique<Box>();
    box->of = as_class(c);
    box->object = static_cast<t_object*>(std::calloc(1, static_cast<size_t>(box->of->size)));
    box->object->o_magic = kMagic;
    t_object* object = box->object;
    const std::lock_guard lock(host().tables);
    host().boxes[object] = std::move(box);
    return object;
}

t_max_err object_free(void* x) {
    const std::lock_guard protection(host().critical);
    if (Box* box = host().find(x)) {
        main_thread_only("object_free");
        reinterpret_cast<void (*)(void*)>(reinterpret_cast<void*>(box->of->destroy))(x);
        const std::lock_guard lock(host().tables);
        std::erase_if(host().outlets, [&](const auto& item) { return item.second == box; });
        host().boxes.erase(x);
        std::free(x);
        return MAX_ERR_NONE;
    }
    const std::lock_guard lock(host().tables);
    for (auto each = host().dictionaries.begin(); each != host().dictionaries.end(); ++each) {
        if (each->second == x) {
            free_dictionary(each->second);
            host().dictionaries.erase(each);
            return MAX_ERR_NONE;
        }
    }
    if (host().clocks.erase(x) + host().references.erase(x) == 0)
        throw std::logic_error("object_free of what is no object");
    return MAX_ERR_NONE;
}

void* object_method_imp(void* x, void* name, void*, void* p2, void*, void*, void*, void*, void*,
                        void*) {
    const std::string selector = static_cast<t_symbol*>(name)->s_name;
    const std::lock_guard lock(host().tables);
    if (const auto chain = host().chains.find(x); chain != host().chains.end()) {
        const auto index = static_cast<long>(reinterpret_cast<intptr_t>(p2));
        if (selector == "getnuminputchannels")
            return reinterpret_cast<void*>(chain->second->channels(false, index));
        if (selector == "getnumoutputchannels")
            return reinterpret_cast<void*>(chain->second->channels(true, index));
    }
    if (const auto attribute = host().attributes.find(x);
        attribute != host().attributes.end() && selector == "getname")
        return host().symbol(attribute->second->name);
    throw std::logic_error("no method " + selector);
}

t_max_err object_obex_store(void* x, t_symbol* key, t_object* value) {
    host().find(x)->obex[key->s_name] = value;
    return MAX_ERR_NONE;
}

t_max_err object_obex_lookup(void* x, t_symbol* key, t_object** value) {
    static t_object patcher{};
    const Box* box = host().find(x);
    if (std::string(key->s_name) == "#P") {
        *value = &patcher;
        return MAX_ERR_NONE;
    }
    const auto found = box->obex.find(key->s_name);
    if (found == box->obex.end())
        return MAX_ERR_GENERIC;
    *value = found->second;
    return MAX_ERR_NONE;
}

void object_obex_dumpout(void* x, t_symbol* name, long count, t_atom* atoms) {
    Box* box = host().find(x);
    host().hear(*box, box->outlet_count() - 1,
                std::string(name->s_name) + " " + print(from_max(count, atoms)));
}

t_symbol* jpatcher_get_filepath(t_object*) {
    return host().symbol(host().patch_file);
}

// ---- outlets ----

void* outlet_new(void* x, const char* type) {
    const std::lock_guard lock(host().tables);
    Box* box = host().find(x);
    box->outlets.emplace_back(type ? type : "");
    // An address of its own, by which the outlet is known.
    auto* outlet = reinterpret_cast<char*>(x) + box->outlets.size();
    host().outlets[outlet] = box;
    return outlet;
}

void* outlet_anything(t_outlet* outlet, t_symbol* name, short count, t_atom* atoms) {
    const std::lock_guard protection(host().critical);
    Box* box = nullptr;
    {
        const std::lock_guard lock(host().tables);
        box = host().outlets.at(outlet);
    }
    const auto from_right = static_cast<char*>(outlet) - reinterpret_cast<char*>(box->object) - 1;
    const std::string values = print(from_max(count, atoms));
    host().hear(*box, box->outlet_count() - 1 - static_cast<int>(from_right),
                values.empty() ? name->s_name : std::string(name->s_name) + " " + values);
    return outlet;
}

// ---- time ----

t_clock* clock_new(void* object, method function) {
    main_thread_only("clock_new");
    const std::lock_guard lock(host().tables);
    auto made = std::make_unique<Host::Clock>();
    made->object = object;
    made->function = function;
    void* clock = made.get();
    host().clocks[clock] = std::move(made);
    return clock;
}

void clock_fdelay(t_clock* x, double ms) {
    const std::lock_guard lock(host().tables);
    host().clocks.at(x)->due = host().now + ms;
}

void* qelem_new(void* object, method function) {
    const std::lock_guard lock(host().tables);
    auto made = std::make_unique<Host::Element>();
    made->object = object;
    made->function = function;
    void* element = made.get();
    host().elements[element] = std::move(made);
    return element;
}

void qelem_set(t_qelem* x) {
    const std::lock_guard lock(host().tables);
    Host::Element& element = *host().elements.at(x);
    if (std::exchange(element.set, true))
        return;
    host().queue.push_back([x] {
        method function = nullptr;
        void* object = nullptr;
        {
            const std::lock_guard inner(host().tables);
            const auto found = host().elements.find(x);
            if (found == host().elements.end())
                return;
            found->second->set = false;
            function = found->second->function;
            object = found->second->object;
        }
        reinterpret_cast<void (*)(void*)>(reinterpret_cast<void*>(function))(object);
    });
}

void qelem_free(t_qelem* x) {
    main_thread_only("qelem_free");
    const std::lock_guard lock(host().tables);
    if (!host().elements.erase(x))
        throw std::logic_error("qelem_free of what is no qelem");
}

short systhread_ismainthread(void) {
    return host().on_main_thread();
}

// ---- files ----

short locatefile_extended(char* name, short* folder, t_fourcc* type, const t_fourcc*, short) {
    main_thread_only("locatefile_extended");
    for (size_t i = 0; i < host().search_path.size(); ++i) {
        if (std::filesystem::exists(std::filesystem::path(host().search_path[i]) / name)) {
            *folder = static_cast<short>(i);
            *type = 0;
            return 0;
        }
    }
    return -1;
}

t_max_err path_toabsolutesystempath(const short folder, const char* file, char* path) {
    const std::string whole = host().search_path.at(static_cast<size_t>(folder)) + "/" + file;
    std::snprintf(path, MAX_PATH_CHARS, "%s", whole.c_str());
    return MAX_ERR_NONE;
}

// "Volume:/folder/file" becomes "/folder/file".
short path_nameconform(const char* from, char* to, long, long) {
    const char* colon = std::strchr(from, ':');
    std::snprintf(to, MAX_PATH_CHARS, "%s", colon ? colon + 1 : from);
    return 0;
}

// ---- audio ----

void z_dsp_setup(t_pxobject* x, long signals) {
    host().find(x)->signal_inlets = signals;
}

void z_dsp_free(t_pxobject* x) {
    std::vector<Chain*> chains;
    {
        const std::lock_guard lock(host().tables);
        for (const auto& [key, chain] : host().chains)
            chains.push_back(chain);
    }
    for (Chain* chain : chains)
        chain->forget(reinterpret_cast<t_object*>(x));
}

void dsp_add64(t_object* chain, t_object* x, t_perfroutine64 function, long, void* parameter) {
    Chain* to = nullptr;
    {
        const std::lock_guard lock(host().tables);
        to = host().chains.at(chain);
    }
    to->add(x, function, parameter);
}

t_dspchain* dspchain_fromobject(t_object*) {
    const std::lock_guard lock(host().tables);
    return host().chains.empty() ? nullptr
                                 : reinterpret_cast<t_dspchain*>(host().chains.begin()->second);
}

void dspchain_setbroken(t_dspchain* chain) {
    reinterpret_cast<Chain*>(chain)->set_broken();
}

// ---- buffer~ ----

t_buffer_ref* buffer_ref_new(t_object* self, t_symbol* name) {
    main_thread_only("buffer_ref_new");
    auto made = std::make_unique<Host::BufferReference>();
    made->owner = self;
    made->name = name->s_name;
    auto* reference = reinterpret_cast<t_buffer_ref*>(made.get());
    {
        const std::lock_guard lock(host().tables);
        host().references[reference] = std::move(made);
    }
    // Max tells the new client at once what it is bound to, before the reference is returned.
    if (Buffer* buffer = buffer_of(reference))
        host().notify_users(*buffer, "globalsymbol_binding");
    return reference;
}

void buffer_ref_set(t_buffer_ref* x, t_symbol* name) {
    const std::lock_guard lock(host().tables);
    host().references.at(x)->name = name->s_name;
}

t_atom_long buffer_ref_exists(t_buffer_ref* x) {
    return buffer_of(x) != nullptr;
}

t_buffer_obj* buffer_ref_getobject(t_buffer_ref* x) {
    return reinterpret_cast<t_buffer_obj*>(buffer_of(x));
}

t_max_err buffer_ref_notify(t_buffer_ref* x, t_symbol*, t_symbol*, void*, void*) {
    buffer_of(x);
    return MAX_ERR_NONE;
}

float* buffer_locksamples(t_buffer_obj* x) {
    const std::lock_guard lock(host().tables);
    auto* buffer = reinterpret_cast<Buffer*>(x);
    ++buffer->locked;
    return buffer->samples.data();
}

void buffer_unlocksamples(t_buffer_obj* x) {
    const std::lock_guard lock(host().tables);
    --reinterpret_cast<Buffer*>(x)->locked;
}

t_atom_long buffer_getchannelcount(t_buffer_obj* x) {
    return reinterpret_cast<Buffer*>(x)->channels;
}

t_atom_long buffer_getframecount(t_buffer_obj* x) {
    auto* buffer = reinterpret_cast<Buffer*>(x);
    return static_cast<t_atom_long>(buffer->samples.size()) / buffer->channels;
}

t_atom_float buffer_getsamplerate(t_buffer_obj* x) {
    return reinterpret_cast<Buffer*>(x)->rate;
}

// ---- arrays, which Max has since version 9 ----

t_atomarray* arrayobj_findregistered_retain(t_symbol* name) {
    const std::lock_guard lock(host().tables);
    const auto found = host().arrays.find(name->s_name);
    if (found == host().arrays.end())
        return nullptr;
    return reinterpret_cast<t_atomarray*>(new std::vector<t_atom>(to_max(found->second)));
}

t_max_err arrayobj_release(t_atomarray* x) {
    delete reinterpret_cast<std::vector<t_atom>*>(x);
    return MAX_ERR_NONE;
}

t_max_err atomarray_getatoms(t_atomarray* x, long* count, t_atom** atoms) {
    auto* list = reinterpret_cast<std::vector<t_atom>*>(x);
    *count = static_cast<long>(list->size());
    *atoms = list->data();
    return MAX_ERR_NONE;
}

// ---- dictionaries ----

t_dictionary* dictionary_new(void) {
    return reinterpret_cast<t_dictionary*>(new Dictionary);
}

t_max_err dictionary_clear(t_dictionary* x) {
    clear(as_dictionary(x));
    return MAX_ERR_NONE;
}

t_max_err dictionary_appendlong(t_dictionary* x, t_symbol* key, t_atom_long value) {
    as_dictionary(x)->values[key->s_name] = Atoms{static_cast<long>(value)};
    return MAX_ERR_NONE;
}

t_max_err dictionary_appendfloat(t_dictionary* x, t_symbol* key, double value) {
    as_dictionary(x)->values[key->s_name] = Atoms{value};
    return MAX_ERR_NONE;
}

t_max_err dictionary_appendsym(t_dictionary* x, t_symbol* key, t_symbol* value) {
    as_dictionary(x)->values[key->s_name] = Atoms{std::string(value->s_name)};
    return MAX_ERR_NONE;
}

t_max_err dictionary_appendatoms(t_dictionary* x, t_symbol* key, long count, t_atom* atoms) {
    as_dictionary(x)->values[key->s_name] = from_max(count, atoms);
    return MAX_ERR_NONE;
}

t_max_err dictionary_appenddictionary(t_dictionary* x, t_symbol* key, t_object* value) {
    as_dictionary(x)->values[key->s_name] = as_dictionary(reinterpret_cast<t_dictionary*>(value));
    return MAX_ERR_NONE;
}

t_dictionary* dictobj_register(t_dictionary* x, t_symbol** name) {
    main_thread_only("dictobj_register");
    static int count = 0;
    if (!*name)
        *name = host().symbol("u" + std::to_string(++count));
    const std::lock_guard lock(host().tables);
    host().dictionaries[(*name)->s_name] = as_dictionary(x);
    return x;
}

t_dictionary* dictobj_findregistered_retain(t_symbol* name) {
    const std::lock_guard lock(host().tables);
    const auto found = host().dictionaries.find(name->s_name);
    if (found == host().dictionaries.end())
        return nullptr;
    ++found->second->retained;
    return reinterpret_cast<t_dictionary*>(found->second);
}

t_max_err dictobj_release(t_dictionary* x) {
    --as_dictionary(x)->retained;
    return MAX_ERR_NONE;
}

}  // extern "C"
