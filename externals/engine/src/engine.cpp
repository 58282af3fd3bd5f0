// The C interface: translates, catches every exception, and holds what lives as long as the
// process.
#include "timbrel/engine.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "error_line.h"
#include "object/messages.h"
#include "object/object.h"
#include "stream.h"
#include "thread_setup.h"
#include "torch/outline.h"
#include "torch/torch_model.h"
#include "worker_pool.h"

namespace timbrel {
namespace {

// A description in the shape of the C structs. The pointers point into `description` and the
// vectors.
class Info {
  public:
    Info(std::string path, const Description& description)
        : path_(std::move(path)), description_(description) {
        labels_.reserve(2 * description_.methods.size());
        for (const Method& method : description_.methods) {
            const Shape& shape = method.shape;
            methods_.push_back({method.name.c_str(), shape.in_channels, shape.in_ratio,
                                shape.out_channels, shape.out_ratio, method.latency,
                                pointers(method.input_labels), pointers(method.output_labels)});
        }
        elements_.reserve(description_.attributes.size());
        for (const Attribute& attribute : description_.attributes) {
            auto& elements = elements_.emplace_back();
            for (const ElementType type : attribute.elements)
                elements.push_back(static_cast<int32_t>(type));
            attributes_.push_back(
                {attribute.name.c_str(), elements.data(), static_cast<int32_t>(elements.size())});
        }
        info_ = {path_.c_str(),
                 description_.name.c_str(),
                 description_.metadata.c_str(),
                 description_.sample_rate,
                 description_.max_ratio,
                 static_cast<int32_t>(methods_.size()),
                 static_cast<int32_t>(attributes_.size()),
                 methods_.data(),
                 attributes_.data()};
    }
    Info(const Info&) = delete;
    Info& operator=(const Info&) = delete;

    const timbrel_model_info& get() const { return info_; }
    const timbrel_method_info* find(const std::string& name) const {
        for (const timbrel_method_info& method : methods_) {
            if (name == method.name)
                return &method;
        }
        return nullptr;
    }

  private:
    const char* const* pointers(const std::vector<std::string>& strings) {
        auto& list = labels_.emplace_back();
        for (const std::string& string : strings)
            list.push_back(string.c_str());
        return list.data();
    }

    const std::string path_;
    const Description description_;
    std::vector<std::vector<const char*>> labels_;
    std::vector<timbrel_method_info> methods_;
    std::vector<std::vector<int32_t>> elements_;
    std::vector<timbrel_attribute_info> attributes_;
    timbrel_model_info info_{};
};

// Never destroyed: a worker may be inside a model when the process ends, and the order in which the
// static objects of two libraries are destroyed is nobody's to choose.
class Engine {
  public:
    static Engine& get() {
        static auto* engine = new Engine;
        return *engine;
    }

    WorkerPool& pool() { return pool_; }

    // One load for all objects that play the same contents. Slow.
    std::shared_ptr<Prototype> open(const std::string& path) {
        const auto entry = find(path);
        // Who asks for the same file waits here; who asks for another one does not.
        const std::lock_guard lock(entry->loading);
        if (auto open = entry->prototype.lock())
            return open;
        auto prototype = std::make_shared<Watched>(load_torch_model(path));
        entry->prototype = prototype;
        stop_before_what_exists_now_is_destroyed();
        return prototype;
    }

    // No thread of ours may be inside libtorch when its static objects are destroyed. Many of those
    // are made on first use, and what is registered last is run first: so this is called before
    // the first file is opened, and again after every warm-up, which uses all that the model will.
    // A block that hangs is not waited for: the process ends at once, with nothing destroyed.
    static void stop_before_what_exists_now_is_destroyed() {
#if defined(__GLIBC__)
        on_exit([](int status, void*) { end(status); }, nullptr);
#else
        std::atexit([] { end(EXIT_SUCCESS); });  // nobody says here with which status
#endif
    }

    static void end(int status) {
        stop();
        if (!inside_libtorch())
            return;
        std::fflush(nullptr);
        std::_Exit(status);
    }

    // [control] The same, also where the first file is being opened when the process ends: what
    // belongs to the thread that calls exit() is destroyed before everything else, and that is the
    // main thread as a rule.
    static void stop_before_all_else() {
        struct Guard {
            ~Guard() { stop(); }
        };
        if (on_main_thread()) {
            thread_local const Guard guard;
        }
    }

  private:
    static void stop() {
        get().pool_.stop(std::chrono::seconds(2));
        get().pool_.background().halt(std::chrono::seconds(2));
    }

    // A prototype whose warm-up, on whatever thread, is followed by the above.
    class Watched : public Prototype {
      public:
        explicit Watched(std::shared_ptr<Prototype> prototype) : prototype_(std::move(prototype)) {}
        const Description& description() const override { return prototype_->description(); }
        std::unique_ptr<Model> instantiate(const Placement& placement) const override {
            return prototype_->instantiate(placement);
        }
        double warm_up(const std::string& method, int batch, int frames,
                       const Placement& placement) const override {
            const double seconds = prototype_->warm_up(method, batch, frames, placement);
            stop_before_what_exists_now_is_destroyed();
            return seconds;
        }
        LatentPath latent_path() const override { return prototype_->latent_path(); }

      private:
        const std::shared_ptr<Prototype> prototype_;
    };

    struct Entry {
        std::mutex loading;
        std::weak_ptr<Prototype> prototype;
    };

    Engine() { stop_before_what_exists_now_is_destroyed(); }

    // By path, size and date: a file that was written anew is another one.
    std::shared_ptr<Entry> find(const std::string& path) {
        namespace fs = std::filesystem;
        std::error_code problem;
        const auto size = fs::file_size(path, problem);
        // Not every standard library counts file times in an integer that to_string() takes.
        const auto changed =
            static_cast<int64_t>(fs::last_write_time(path, problem).time_since_epoch().count());
        const std::string key = fs::weakly_canonical(path, problem).string() + "|" +
                                std::to_string(size) + "|" + std::to_string(changed);
        const std::lock_guard lock(mutex_);
        std::erase_if(models_, [&](const auto& item) {
            if (item.second.use_count() != 1 || item.first == key)
                return false;
            // Who used it last did so under this lock; being the only one here says nothing of what
            // that thread has written.
            const std::lock_guard loading(item.second->loading);
            return item.second->prototype.expired();
        });
        auto& entry = models_[key];
        if (!entry)
            entry = std::make_shared<Entry>();
        return entry;
    }

    WorkerPool pool_{WorkerPool::default_size()};
    std::mutex mutex_;  // for moments only
    std::map<std::string, std::shared_ptr<Entry>> models_;
};

template <typename Function>
auto guarded(char* error, size_t size, Function&& function) noexcept -> decltype(function()) {
    try {
        return function();
    } catch (const std::bad_alloc&) {
        copy_line("not enough memory", error, size);
    } catch (const std::exception& problem) {
        copy_line(problem.what(), error, size);
    } catch (...) {
        copy_line("an error of an unknown kind", error, size);
    }
    return {};
}

}  // namespace
}  // namespace timbrel

using namespace timbrel;

struct timbrel_model {
    std::shared_ptr<Prototype> prototype;  // null: an outline
    Info info;
};

// What an object holds; the C structs that it was last given point into it.
struct timbrel_stream {
    explicit timbrel_stream(std::shared_ptr<Stream> stream) : object(std::move(stream)) {}

    Object object;
    std::shared_ptr<const Loaded> loaded;
    std::unique_ptr<Info> info;  // of `loaded`
    timbrel_stream_info stream_info{};
    std::unique_ptr<Event> event;
    std::vector<timbrel_atom> atoms;  // of `event`
    timbrel_event c_event{};
};

namespace {

timbrel_model* model_open(const char* path, char* error, size_t size) {
    return guarded(error, size, [&] {
        auto prototype = Engine::get().open(path);
        const Description& description = prototype->description();
        return new timbrel_model{std::move(prototype), Info(path, description)};
    });
}

timbrel_model* model_outline(const char* path) {
    return guarded(nullptr, 0, [&]() -> timbrel_model* {
        const auto description = outline(path);
        return description ? new timbrel_model{nullptr, Info(path, *description)} : nullptr;
    });
}

const timbrel_model_info* model_info(const timbrel_model* model) {
    return &model->info.get();
}

void model_release(timbrel_model* handle) {
    if (!handle)
        return;
    Engine::get().pool().background().dispose(std::shared_ptr<timbrel_model>(handle));
}

timbrel_stream* stream_create(const timbrel_stream_options* options, char* error, size_t size) {
    return guarded(error, size, [&] {
        if (options->inlets < 0 || options->outlets < 0 || options->batch < 1)
            throw std::runtime_error(
                "a stream has 0 or more inlets and outlets, and a batch of 1 or more");
        Engine::stop_before_all_else();
        const auto load = [](const std::string& path) { return Engine::get().open(path); };
        return new timbrel_stream(
            Stream::make({options->inlets, options->outlets, options->batch, options->roomy != 0},
                         load, Engine::get().pool()));
    });
}

int32_t stream_open(timbrel_stream* handle, timbrel_model* model, const char* method,
                    int32_t buffer, char* error, size_t size) {
    const bool done = guarded(error, size, [&] {
        const std::string path = model->info.get().path;
        auto prototype = model->prototype ? model->prototype : Engine::get().open(path);
        Settings settings;
        settings.path = path;
        settings.method = method ? method : "forward";
        settings.buffer = buffer;
        handle->object.stream().open(std::move(prototype), settings);
        return true;
    });
    return done ? 0 : -1;
}

const timbrel_stream_info* stream_info(timbrel_stream* handle) {
    return guarded(nullptr, 0, [&] {
        const auto loaded = handle->object.stream().loaded();
        if (loaded != handle->loaded || !handle->info) {
            handle->stream_info = {};
            handle->info.reset();
            handle->loaded = loaded;
        }
        if (loaded && !handle->info) {
            handle->info =
                std::make_unique<Info>(loaded->settings.path, loaded->prototype->description());
            handle->stream_info = {&handle->info->get(), handle->info->find(loaded->method.name),
                                   loaded->block, loaded->blocking};
        }
        return &handle->stream_info;
    });
}

int32_t stream_prepare(timbrel_stream* handle, const timbrel_stream_config* config, char* error,
                       size_t size) {
    const bool done = guarded(error, size, [&] {
        if (!(config->sample_rate > 0) || config->vector_size < 1) {
            throw std::runtime_error("a sample rate and a vector size are positive numbers");
        }
        handle->object.stream().prepare(config->sample_rate, config->vector_size,
                                        config->vector_varies != 0);
        // The host's audio threads may have been made, or ranked, since the last time.
        Engine::get().pool().background().post(rank_workers_below_audio);
        return true;
    });
    return done ? 0 : -1;
}

template <typename Sample>
void stream_process(timbrel_stream* handle, const Sample* const* inputs, Sample* const* outputs,
                    int32_t frames) noexcept TIMBREL_NONBLOCKING {
    handle->object.stream().process(inputs, outputs, frames);
}

template <typename Sample>
void stream_process_blocking(timbrel_stream* handle, const Sample* const* inputs,
                             Sample* const* outputs, int32_t frames) {
    handle->object.stream().process_blocking(inputs, outputs, frames);
}

// ---- messages ----

const timbrel_message* all_messages(int32_t* count) {
    return guarded(nullptr, 0, [&] {
        static const std::vector<timbrel_message> table = [] {
            std::vector<timbrel_message> table;
            for (const Message& message : messages())
                table.push_back({message.name, message.arguments, message.does});
            return table;
        }();
        *count = static_cast<int32_t>(table.size());
        return table.data();
    });
}

Atom from_c(const timbrel_atom& atom) {
    if (const timbrel_buffer* buffer = atom.buffer) {
        auto copy = std::make_shared<HostBuffer>();
        copy->name = buffer->name;
        copy->channels = buffer->channels;
        copy->sample_rate = buffer->sample_rate;
        copy->samples.assign(buffer->samples, buffer->samples + buffer->channels * buffer->frames);
        return copy;
    }
    if (atom.text)
        return std::string(atom.text);
    return atom.number;
}

timbrel_atom to_c(const Atom& atom) {
    if (const auto* number = std::get_if<double>(&atom))
        return {*number, nullptr, nullptr};
    if (const auto* text = std::get_if<std::string>(&atom))
        return {0, text->c_str(), nullptr};
    return {0, std::get<std::shared_ptr<const HostBuffer>>(atom)->name.c_str(), nullptr};
}

int32_t stream_send(timbrel_stream* handle, const char* selector, const timbrel_atom* atoms,
                    int32_t count, char* error, size_t size) {
    const bool done = guarded(error, size, [&] {
        Atoms arguments;
        for (int32_t i = 0; i < count; ++i)
            arguments.push_back(from_c(atoms[i]));
        handle->object.send(selector, arguments);
        return true;
    });
    return done ? 0 : -1;
}

const timbrel_event* stream_event(timbrel_stream* handle) {
    return guarded(nullptr, 0, [&]() -> const timbrel_event* {
        handle->event = handle->object.take_event();
        if (!handle->event)
            return nullptr;
        handle->atoms.clear();
        for (const Atom& atom : handle->event->atoms)
            handle->atoms.push_back(to_c(atom));
        handle->c_event = {handle->event->selector.c_str(), handle->atoms.data(),
                           static_cast<int32_t>(handle->atoms.size())};
        return &handle->c_event;
    });
}

int32_t stream_busy(const timbrel_stream* handle) {
    return handle->object.stream().busy();
}

void stream_set_enabled(timbrel_stream* handle, int32_t enabled) noexcept TIMBREL_NONBLOCKING {
    handle->object.stream().set_enabled(enabled != 0);
}

int32_t stream_enabled(const timbrel_stream* handle) noexcept TIMBREL_NONBLOCKING {
    return handle->object.stream().enabled();
}

void stream_set_offline(timbrel_stream* handle, int32_t offline) noexcept TIMBREL_NONBLOCKING {
    handle->object.stream().set_offline(offline != 0);
}

int32_t stream_waits(const timbrel_stream* handle) noexcept TIMBREL_NONBLOCKING {
    return handle->object.stream().waits();
}

void stream_reset(timbrel_stream* handle) noexcept TIMBREL_NONBLOCKING {
    handle->object.stream().reset();
}

timbrel_stream_latency stream_latency(const timbrel_stream* handle) {
    const Latency latency = handle->object.stream().latency();
    return {latency.buffer, latency.model, latency.resampling};
}

timbrel_stream_stats stream_stats(const timbrel_stream* handle) {
    return guarded(nullptr, 0, [&]() -> timbrel_stream_stats {
        const Stream& stream = handle->object.stream();
        const Report report = stream.report();
        return {report.blocks,     report.late,       report.skipped,   report.failed,
                report.non_finite, report.swaps,      report.median_ms, report.p99_ms,
                report.max_ms,     stream.block_ms(), stream.load()};
    });
}

void stream_release(timbrel_stream* handle) {
    if (!handle)
        return;
    handle->object.stream().close();
    Engine::get().pool().background().dispose(std::shared_ptr<timbrel_stream>(handle));
}

const char* version() {
    return TIMBREL_VERSION;
}

constexpr timbrel_api kApi{
    TIMBREL_ABI_VERSION,
    version,
    timbrel::torch_version,
    model_open,
    model_outline,
    model_info,
    model_release,
    stream_create,
    stream_open,
    stream_info,
    stream_prepare,
    stream_process<float>,
    stream_process<double>,
    stream_process_blocking<float>,
    stream_process_blocking<double>,
    all_messages,
    stream_send,
    stream_event,
    stream_busy,
    stream_set_enabled,
    stream_enabled,
    stream_set_offline,
    stream_waits,
    stream_reset,
    stream_latency,
    stream_stats,
    stream_release,
};

}  // namespace

extern "C" const timbrel_api* timbrel_get_api(uint32_t abi_version) {
    return abi_version == TIMBREL_ABI_VERSION ? &kApi : nullptr;
}
