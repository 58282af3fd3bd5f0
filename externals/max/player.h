// What an nn~, mc.nn~ or mcs.nn~ is, behind the functions that Max calls.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "attributes.h"
#include "buffers.h"
#include "conversation.h"
#include "host/arguments.h"
#include "host/errands.h"
#include "journal.h"
#include "wiring.h"

namespace timbrel::max {

class Player {
  public:
    // [main thread] Makes a stream of the shape that the arguments ask for, and asks for the model,
    // which plays as soon as it is there. Throws std::runtime_error with a line.
    Player(t_object* object, Kind kind, const host::Arguments& arguments);
    // [main thread] After dsp_free(): no perform routine runs any more.
    ~Player();
    Player(const Player&) = delete;
    Player& operator=(const Player&) = delete;

    const Shape& shape() const { return shape_; }
    // [main thread] Once the outlets are there. `tick` and `listen` are methods of the object that
    // call the functions of those names below.
    void start(void* reports, method tick, method listen);

    // [any thread] A message; what it leads to comes out of the outlet of reports, at once where
    // this is the main thread, else as soon as that comes to it.
    void say(const std::string& selector, long count, const t_atom* atoms);
    // [any thread]
    void set_attribute(AttributeIndex index, long count, const t_atom* atoms);
    t_atom attribute(AttributeIndex index) const { return values_.get(index); }
    // [any thread] Of a buffer~, or of anything else that Max attached to the object.
    void notify(t_symbol* name, t_symbol* message, void* sender, void* data);

    // [main thread] While Max compiles the audio.
    bool input_changed(long inlet, long channels);
    long output_channels();
    // False, with a line in the console, where nothing can be played.
    bool prepare(t_object* chain, double sample_rate, long vector_size);

    // [audio thread]
    void perform(double** ins, long in_count, double** outs, long out_count, long frames);
    // Left alone, the outputs play what another object wrote there.
    static void silence(double** outs, long out_count, long frames) noexcept TIMBREL_NONBLOCKING;

    // [main thread] What the pointer shows over an inlet or an outlet.
    std::string assistance(bool inlet, long index);

    // [main thread] Carries out what waits for this thread, and tells what there is to tell.
    void listen();
    // [scheduler's thread]
    void tick();

  private:
    struct Event;

    bool on_main_thread() const;
    void carry_out(const Said& said);
    void send(const std::string& selector, const host::EngineAtoms& atoms);
    void resolve(const Said& said, host::EngineAtoms& atoms);
    std::unique_ptr<Event> next_event();
    void tell(const Event& event);
    std::unique_ptr<Event> next_tidings();
    void read_what_is_played();
    void read_changed_buffers();
    void recompile();
    void create_stream();
    void count_examples();
    bool begin_anew();
    void compute(double** ins, long in_count, double** outs, long out_count, long frames);
    void play(double** ins, long in_count, double** outs, long out_count,
              long frames) noexcept TIMBREL_NONBLOCKING;

    t_object* const object_;
    Shape shape_;
    std::string name_;  // of the model
    timbrel_stream* stream_ = nullptr;
    int stream_examples_ = 0;
    Conversation conversation_;
    Journal journal_;                     // of whose turn it is
    std::deque<std::string> complaints_;  // likewise
    host::Errands errands_;
    AttributeValues values_;
    Buffers buffers_;
    std::vector<long> inlet_widths_;
    // Max may go on playing the audio as it was while it compiles it anew (its mixer's crossfade):
    // nothing is played while what it is played by is being changed.
    std::atomic<bool> in_use_{false};
    Wiring wiring_;  // whose use it is
    void* reports_ = nullptr;
    t_clock* clock_ = nullptr;
    t_qelem* queue_element_ = nullptr;
    std::atomic<bool> rewire_{false};
    // False once the object is gone, which may happen while it speaks.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace timbrel::max
