// A Max without a screen: supplies the functions that an external calls, and drives it as Max
// would, from threads that play the parts of Max's own. What it assumes of Max is said in
// ../ASSUMPTIONS.md.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "ext.h"
#include "ext_buffer.h"
#include "ext_dictobj.h"
#include "z_dsp.h"

namespace maxhost {

using Atom = std::variant<long, double, std::string>;
using Atoms = std::vector<Atom>;

// As a message box reads it: whole numbers, other numbers and words.
Atoms parse(const std::string& text);
std::string print(const Atoms& atoms);

// What left an object by an outlet, counted from the left.
struct Heard {
    int outlet;
    std::string text;  // the selector and what follows
    bool operator==(const Heard&) const = default;
};

struct Method {
    method function = nullptr;
    std::vector<short> types;
};

struct Attribute {
    std::string name, type;
    method get = nullptr, set = nullptr;
    std::map<std::string, std::string> shown;  // label, category, style, …
};

struct Class {
    std::string name;
    method create = nullptr, destroy = nullptr;
    long size = 0;
    bool dsp = false;
    std::map<std::string, Method> methods;
    std::vector<std::unique_ptr<Attribute>> attributes;

    Attribute* attribute(const std::string& name);
};

// An object in a patch.
struct Box {
    Class* of = nullptr;
    t_object* object = nullptr;
    std::vector<std::string> outlets;  // types, from the right
    std::map<std::string, t_object*> obex;
    long signal_inlets = 0;
    std::vector<Heard> heard;
    // Called instead of a patch cord, at any outlet.
    std::function<void(const Heard&)> then;

    int outlet_count() const { return static_cast<int>(outlets.size()); }
};

struct Buffer {
    t_object header{};
    std::string name;
    long channels = 1;
    double rate = 44100;
    std::vector<float> samples;  // interleaved
    int locked = 0;
};

// A dictionary's values: atoms, or another dictionary.
struct Dictionary {
    t_object header{};
    std::map<std::string, std::variant<Atoms, Dictionary*>> values;
    int retained = 0;
    const Dictionary* in(const std::string& key) const;
    std::string text(const std::string& key) const;
};

// The audio of a patch with one object, whose cables are as wide as the test says.
class Chain {
  public:
    Chain(Box& box, std::vector<long> inlet_widths);
    ~Chain();
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;

    // What Max does when the audio is switched on or a cable changes.
    void compile(double rate, long vector);
    void set_widths(std::vector<long> inlet_widths) { widths_ = std::move(inlet_widths); }
    const std::vector<long>& outlet_widths() const { return outlet_widths_; }
    // One vector; (channels of all inlets, frames) becomes (channels of all outlets, frames). Where
    // `in_place`, outputs are written where inputs were read.
    std::vector<std::vector<double>> tick(const std::vector<std::vector<double>>& ins,
                                          bool in_place = false);
    // As many vectors as the input has.
    std::vector<std::vector<double>> play(const std::vector<std::vector<double>>& ins,
                                          bool in_place = false);
    bool broken() const { return broken_; }

    // For the functions of Max.
    long channels(bool outlets, long index) const;
    void add(t_object* object, t_perfroutine64 function, void* parameter);
    void forget(t_object* object);
    void set_broken() { broken_ = true; }
    t_object* object() { return &header_; }

  private:
    t_object header_{};
    Box& box_;
    std::vector<long> widths_, seen_, outlet_widths_;
    long vector_ = 0;
    t_perfroutine64 perform_ = nullptr;
    void* parameter_ = nullptr;
    std::atomic<bool> broken_{false};
    std::mutex running_;
};

class Host {
  public:
    static Host& get();

    // The thread that calls this becomes Max's main thread.
    void begin();
    bool on_main_thread() const { return std::this_thread::get_id() == main_; }

    void open_external(const std::string& path);
    // An object's box, `text` as typed into it; null where the object could not be made.
    Box* make(const std::string& text);
    void remove(Box* box);
    Box* find(const void* object);
    Class* find_class(const std::string& name);

    // [any thread] A message, as from a patch cord.
    void send(Box& box, const std::string& text);
    // The value of an attribute, as `getattr` would tell it.
    std::string attribute(Box& box, const std::string& name);
    // What the pointer shows.
    std::string assistance(Box& box, bool inlet, long index);

    // [main thread] Runs what was put off to it.
    void serve_queue();
    // [scheduler's or audio thread] Lets scheduler time pass.
    void run_scheduler(double ms);

    std::vector<std::string> take_console();
    std::vector<Heard> take_heard(Box& box);

    Buffer& make_buffer(const std::string& name, long channels, double rate,
                        std::vector<float> interleaved);
    void change_buffer(Buffer& buffer, std::vector<float> interleaved);
    void remove_buffer(const std::string& name);
    void make_array(const std::string& name, const Atoms& atoms);
    const Dictionary* dictionary(const std::string& name);

    std::string patch_file;                // "" where the patch was never saved
    std::vector<std::string> search_path;  // folders

    // ---- for the functions of Max ----

    struct Clock {
        t_object header{};
        void* object;
        method function;
        double due = -1;  // -1: not set
    };
    struct Element {
        void* object;
        method function;
        bool set = false;
    };
    struct BufferReference {
        t_object header{};
        t_object* owner;
        std::string name;
    };

    t_symbol* symbol(const std::string& name);
    void print_console(const char* kind, const t_object* object, const std::string& line);
    void defer(std::function<void()> task);
    void hear(Box& box, int outlet, const std::string& text);
    bool set_attribute(Box& box, const std::string& name, long count, t_atom* atoms);
    void notify_users(Buffer& buffer, const char* message);

    // The recursive lock that Max holds while it runs clocks, sends through outlets and frees
    // objects.
    std::recursive_mutex critical;
    std::recursive_mutex tables;  // of what follows
    std::map<std::string, std::unique_ptr<t_symbol>> symbols;
    std::map<std::string, std::unique_ptr<Class>> classes;
    std::map<const void*, std::unique_ptr<Box>> boxes;
    std::map<const void*, Box*> outlets;
    std::map<const void*, Chain*> chains;
    std::map<const void*, std::unique_ptr<Clock>> clocks;
    std::map<const void*, std::unique_ptr<Element>> elements;
    std::deque<std::function<void()>> queue;
    std::map<std::string, std::unique_ptr<Buffer>> buffers;
    std::map<const void*, std::unique_ptr<BufferReference>> references;
    std::map<std::string, Atoms> arrays;
    std::map<std::string, Dictionary*> dictionaries;
    std::map<const void*, Attribute*> attributes;
    double now = 0;  // scheduler's time in ms

  private:
    std::thread::id main_;
    std::vector<std::string> console_;
};

// Atoms on their way to and from Max's own.
std::vector<t_atom> to_max(const Atoms& atoms);
Atoms from_max(long count, const t_atom* atoms);

}  // namespace maxhost
