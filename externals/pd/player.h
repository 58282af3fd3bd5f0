// What an object plays: a stream and, while a model is awaited that needs more channels than that
// has, the stream that will take its place.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "atoms.h"
#include "timbrel/engine.h"

namespace timbrel::pd {

struct Width {
    int inlets = 0;
    int outlets = 0;

    bool holds(const Width& other) const {
        return inlets >= other.inlets && outlets >= other.outlets;
    }
};

// The most channels that any method of a model has.
Width widest(const timbrel_model_info& model);

// All functions are called on Pd's one thread.
class Player {
  public:
    // `grows`: the channels follow the model, because they are those of a cable. Null with a line
    // in `error` where that is not possible.
    static std::unique_ptr<Player> make(const timbrel_api& api, Width width, bool grows,
                                        std::string& error);

    timbrel_stream* stream() const { return heard_.get(); }
    Width width() const { return width_; }
    // Channels that the method which is heard gives; the stream's own while nothing is loaded.
    int out_channels() const;

    // As stream_send; what is meant for a model that is awaited goes to that. `load` names the
    // file by its full path.
    bool send(const std::string& selector, std::shared_ptr<const host::EngineAtoms> atoms,
              std::string& error);
    // As stream_event.
    const timbrel_event* event();
    // To be called every now and then, after all events have been taken. Where a wider model was
    // awaited and is there, the other fades out until the next call, and makes place. `waits`: for
    // the wider model to be there. True: the stream is another one, which has to be prepared.
    bool settle(bool waits);

  private:
    struct Release {
        const timbrel_api* api;
        void operator()(timbrel_stream* stream) const { api->stream_release(stream); }
    };
    using Stream = std::unique_ptr<timbrel_stream, Release>;
    struct Message {
        std::string key, selector;
        std::shared_ptr<const host::EngineAtoms> atoms;
    };

    Player(const timbrel_api& api, bool grows) : api_(api), grows_(grows) {}
    Stream create(Width width, std::string& error) const;
    bool send_to(const Stream& stream, const Message& message, std::string& error) const;
    bool load(const Message& message, std::string& error);
    // A stream of more channels, which is told all that this one was.
    bool widen(Width width, const std::string& path, std::string& error);
    void remember(Message message);

    const timbrel_api& api_;
    const bool grows_;
    Width width_, next_width_;
    Stream heard_, next_;
    bool fading_ = false, resting_ = false;
    std::string widened_for_;    // the file for which a wider stream was made unasked
    std::vector<Message> told_;  // what another stream has to be told to be like this one
};

}  // namespace timbrel::pd
