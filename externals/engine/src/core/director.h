// Carries out what a stream is told: opens models, makes them ready, and offers them to the audio
// thread in the place of the one that is heard.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "layout.h"
#include "loader.h"
#include "outbox.h"
#include "queue.h"
#include "settings.h"
#include "voice.h"

namespace timbrel {

class WorkerPool;

// What a stream is told, as far as it is not for the playing voice alone.
struct Command {
    struct Open {
        std::string path;
    };
    struct Reopen {};
    struct Change {
        std::function<void(Settings&)> apply;
    };
    struct Tell {
        Instruction instruction;
        std::shared_ptr<Voice> told;  // that knows it already; null: none
    };
    std::variant<Open, Reopen, Change, Tell> what;
};

class Director : public Slow, public std::enable_shared_from_this<Director> {
  public:
    // What is played, or will be at the next call.
    struct News {
        std::shared_ptr<const Loaded> loaded;
        std::shared_ptr<Voice> voice;
    };

    Director(Channels channels, Load load, WorkerPool& pool, std::shared_ptr<Outbox> outbox);
    ~Director() override;

    // ---- [control], by one thread at a time; never waits ----

    bool send(Command command);  // false: too many wait
    bool idle() const;           // everything that was sent was carried out
    std::unique_ptr<News> take_news();
    void set_layout(const Layout& layout);

    // [control, slow] Nothing was sent before, and nothing is processed. Throws.
    void open(std::shared_ptr<Prototype> prototype, const Settings& settings);
    // [audio, not in real time] Until everything sent before is carried out, or given up.
    void wait_until_idle() const;
    // [background] Lets go of everything.
    void close();

    // The voice that is to be heard next; null while there is none. See Playback.
    std::atomic<Voice*>& offered() { return offered_; }

    void work(std::atomic<uint64_t>& job) override;
    void give_up(uint64_t job) override;

  private:
    // What the next voice is to be. Bound to it is all that is said until it is offered.
    struct Transaction {
        Settings settings;
        bool loads = false;             // opened by `load`: a newer one takes nothing over
        bool reopens = false;           // the file is looked at again
        std::shared_ptr<Voice> before;  // that it goes on from where it is the same file
        std::vector<Instruction> told;
        uint64_t job = 0;  // that makes it ready; 0: to be begun (again)
        // Where it was ready, or had failed, when the host said more:
        std::shared_ptr<const Loaded> loaded;
        std::string failure;
        uint64_t calls = 0;  // of the host, until then
    };
    // A job's own copy of all that it needs: it may hang, and be forgotten.
    struct Plan {
        uint64_t job = 0;
        Settings settings;
        std::shared_ptr<const Prototype> prototype;  // null: to be opened
        std::shared_ptr<const Loaded> loaded;        // null: to be looked up and warmed up
        bool loads = false;
        std::shared_ptr<Voice> before, heard;
        std::vector<Instruction> told;
        std::shared_ptr<const Layout> layout;
    };
    struct Result {
        std::shared_ptr<Voice> voice;
        int epoch = 0;  // of its layout
        std::vector<Event> said;
        std::string failure;
    };

    // Without the lock.
    Result make_ready(const Plan& plan, const std::function<bool()>& wanted) const;
    std::shared_ptr<const Loaded> look_up(const Plan& plan, const std::function<bool()>& wanted,
                                          std::vector<Event>& said) const;
    double warm_up(const Loaded& loaded, const Plan& plan) const;
    double prime(Voice& voice, const Layout& layout, const std::function<bool()>& wanted) const;
    bool fits(const Voice& voice, double seconds_per_block) const;

    // With the lock.
    void catch_up();
    void collect();
    void hear(Command& command);
    void hear(Instruction& instruction, const std::shared_ptr<Voice>& told);
    void change(const std::function<void(Settings&)>& apply);
    Settings settings_of(const std::shared_ptr<Voice>& voice) const;
    Transaction begin_transaction() const;
    void resume();
    void forget_last();
    std::shared_ptr<Voice> heard() const;
    Plan plan();
    void finish(const Plan& plan, Result& result);
    void offer(const std::shared_ptr<Voice>& voice, int epoch);
    void lend_no_more(const Voice* voice);
    void roll_back(const Voice& rejected);
    void publish(const std::shared_ptr<Voice>& voice);
    void say_loaded();
    void tell_idle(uint64_t sent);
    const Layout* layout();

    const Channels channels_;
    const Load load_;
    WorkerPool& pool_;
    const std::shared_ptr<Outbox> outbox_;

    // Between control threads, the audio thread and loaders.
    static constexpr size_t kMostCommands = 4096;
    Queue<Command> commands_{kMostCommands};
    std::atomic<uint64_t> sent_{0}, done_{0};
    std::atomic<Voice*> offered_{nullptr};
    std::atomic<News*> news_{nullptr};
    std::atomic<Layout*> new_layout_{nullptr};

    std::mutex mutex_;   // of loaders and the background thread; guards all of the below
    Settings settings_;  // of what plays, or was asked for while nothing does
    std::optional<Transaction> pending_, last_;
    uint64_t jobs_ = 0;
    std::shared_ptr<const Layout> layout_;
    std::shared_ptr<Voice> current_;            // offered last
    std::shared_ptr<Voice> previous_;           // heard until that one is; for a way back
    std::vector<std::shared_ptr<Voice>> lent_;  // to the audio thread
    bool closed_ = false;
};

}  // namespace timbrel
