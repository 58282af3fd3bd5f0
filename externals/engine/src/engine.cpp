// The C interface: translates, catches every exception, and holds what lives as long as the
// process.
#include "timbrel/engine.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "error_line.h"
#include "stream.h"
#include "thread_setup.h"
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
        for (const Attribute& attribute : description_.attributes) {
            attributes_.push_back(attribute.name.c_str());
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
    std::vector<const char*> attributes_;
    timbrel_model_info info_{};
};

struct LoadedModel {
    std::shared_ptr<Prototype> prototype;
    Info info;
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

    std::shared_ptr<LoadedModel> open(const std::string& path) {
        namespace fs = std::filesystem;
        // One load for all objects that play the same contents.
        std::error_code problem;
        const auto size = fs::file_size(path, problem);
        // Not every standard library counts file times in an integer that to_string() takes.
        const auto changed =
            static_cast<int64_t>(fs::last_write_time(path, problem).time_since_epoch().count());
        const std::string key = fs::weakly_canonical(path, problem).string() + "|" +
                                std::to_string(size) + "|" + std::to_string(changed);
        const std::lock_guard lock(mutex_);
        std::erase_if(models_, [](const auto& item) { return item.second.expired(); });
        if (const auto it = models_.find(key); it != models_.end()) {
            if (auto model = it->second.lock())
                return model;
        }
        auto prototype = load_torch_model(path);
        const Description& description = prototype->description();
        std::shared_ptr<LoadedModel> model(new LoadedModel{prototype, Info(path, description)});
        models_[key] = model;
        stop_before_what_exists_now_is_destroyed();
        return model;
    }

    // No thread of ours may be inside libtorch when its static objects are destroyed. Many of those
    // are made on first use, and what is registered last is run first: so this is called again
    // after every warm-up, which uses all that the model will. A block that hangs is not waited
    // for.
    void stop_before_what_exists_now_is_destroyed() {
        std::atexit([] {
            get().pool_.stop(std::chrono::seconds(2));
            get().pool_.background().halt(std::chrono::seconds(2));
        });
    }

  private:
    Engine() = default;

    WorkerPool pool_{WorkerPool::default_size()};
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<LoadedModel>> models_;
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
    std::shared_ptr<LoadedModel> model;
};

struct timbrel_stream {
    std::shared_ptr<LoadedModel> model;  // `info` points into it
    timbrel_stream_info info;
    std::shared_ptr<Stream> stream;
    Settings settings;  // to be opened with, once the slack is known
    bool open = false;
};

namespace {

timbrel_model* model_open(const char* path, char* error, size_t size) {
    return guarded(error, size, [&] { return new timbrel_model{Engine::get().open(path)}; });
}

const timbrel_model_info* model_info(const timbrel_model* model) {
    return &model->model->info.get();
}

void model_release(timbrel_model* handle) {
    if (!handle)
        return;
    Engine::get().pool().background().dispose(std::shared_ptr<timbrel_model>(handle));
}

timbrel_stream* stream_create(timbrel_model* handle, const timbrel_stream_options* options,
                              char* error, size_t size) {
    return guarded(error, size, [&] {
        const std::shared_ptr<LoadedModel> model = handle->model;
        if (options->buffer < TIMBREL_BUFFER_DEFAULT || options->batch < 1) {
            throw std::runtime_error("a buffer is 0 or more samples, a batch at least one example");
        }
        Settings settings;
        settings.method = options->method ? options->method : "forward";
        settings.buffer = options->buffer;
        const Loaded loaded = resolve(settings, model->prototype);
        model->prototype->warm_up(settings.method, options->batch, loaded.block, {});
        Engine::get().stop_before_what_exists_now_is_destroyed();
        const Shape& shape = loaded.method.shape;
        auto stream = Stream::make({shape.in_channels, shape.out_channels, options->batch}, {},
                                   Engine::get().pool());
        const int requested = options->buffer < 0 ? loaded.block : options->buffer;
        const timbrel_stream_info info{model->info.find(settings.method), requested, loaded.block,
                                       loaded.blocking, options->batch};
        return new timbrel_stream{model, info, std::move(stream), settings};
    });
}

const timbrel_stream_info* stream_info(const timbrel_stream* handle) {
    return &handle->info;
}

int32_t stream_prepare(timbrel_stream* handle, const timbrel_stream_config* config, char* error,
                       size_t size) {
    const bool done = guarded(error, size, [&] {
        if (!(config->sample_rate > 0) || config->vector_size < 1) {
            throw std::runtime_error("a sample rate and a vector size are positive numbers");
        }
        if (!std::exchange(handle->open, true)) {
            handle->settings.slack_ms =
                config->slack < 0 ? -1 : 1000 * config->slack / config->sample_rate;
            handle->stream->open(handle->model->prototype, handle->settings);
        }
        handle->stream->prepare(config->sample_rate, config->vector_size,
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
    handle->stream->process(inputs, outputs, frames);
}

template <typename Sample>
void stream_process_blocking(timbrel_stream* handle, const Sample* const* inputs,
                             Sample* const* outputs, int32_t frames) {
    handle->stream->process_blocking(inputs, outputs, frames);
}

void stream_set_enabled(timbrel_stream* handle, int32_t enabled) noexcept TIMBREL_NONBLOCKING {
    handle->stream->set_enabled(enabled != 0);
}

int32_t stream_enabled(const timbrel_stream* handle) noexcept TIMBREL_NONBLOCKING {
    return handle->stream->enabled();
}

void stream_reset(timbrel_stream* handle) noexcept TIMBREL_NONBLOCKING {
    handle->stream->reset();
}

timbrel_stream_latency stream_latency(const timbrel_stream* handle) {
    const Latency latency = handle->stream->latency();
    return {latency.buffer, handle->info.method->latency};
}

timbrel_stream_stats stream_stats(const timbrel_stream* handle) {
    return guarded(nullptr, 0, [&]() -> timbrel_stream_stats {
        const Report report = handle->stream->report();
        const double block_ms = handle->stream->block_ms();
        return {report.blocks,     report.late,
                report.skipped,    report.failed,
                report.non_finite, report.median_ms,
                report.p99_ms,     report.max_ms,
                block_ms,          block_ms > 0 ? report.median_ms / block_ms : 0.0};
    });
}

int32_t stream_poll_error(timbrel_stream* handle, char* error, size_t size) noexcept {
    while (const auto event = handle->stream->take_event()) {
        if (event->selector != "error")
            continue;
        copy_line(std::get<std::string>(event->atoms[0]).c_str(), error, size);
        return 1;
    }
    return 0;
}

void stream_release(timbrel_stream* handle) {
    if (!handle)
        return;
    handle->stream->close();
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
    model_info,
    model_release,
    stream_create,
    stream_info,
    stream_prepare,
    stream_process<float>,
    stream_process<double>,
    stream_process_blocking<float>,
    stream_process_blocking<double>,
    stream_set_enabled,
    stream_enabled,
    stream_reset,
    stream_latency,
    stream_stats,
    stream_poll_error,
    stream_release,
};

}  // namespace

extern "C" const timbrel_api* timbrel_get_api(uint32_t abi_version) {
    return abi_version == TIMBREL_ABI_VERSION ? &kApi : nullptr;
}
