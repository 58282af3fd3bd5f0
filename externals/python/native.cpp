// The engine's C interface as Python sees it. Types and documentation stand in timbrel/engine.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "timbrel/engine.h"

namespace py = pybind11;

namespace {

using Samples = py::array_t<float, py::array::c_style | py::array::forcecast>;

const timbrel_api& api() {
    static const timbrel_api* table = timbrel_get_api(TIMBREL_ABI_VERSION);
    return *table;
}

// Becomes timbrel.errors.UserError.
class EngineError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct ReleaseModel {
    void operator()(timbrel_model* model) const { api().model_release(model); }
};
struct ReleaseStream {
    void operator()(timbrel_stream* stream) const { api().stream_release(stream); }
};

class Model {
  public:
    explicit Model(const std::string& path) {
        char error[TIMBREL_ERROR_SIZE];
        const py::gil_scoped_release unlocked;
        handle_.reset(api().model_open(path.c_str(), error, sizeof(error)));
        if (!handle_)
            throw EngineError(error);
    }

    timbrel_model* get() const { return handle_.get(); }
    const timbrel_model_info& info() const { return *api().model_info(get()); }

    py::list methods() const {
        py::list result;
        for (int i = 0; i < info().method_count; ++i) {
            const timbrel_method_info& method = info().methods[i];
            result.append(py::make_tuple(method.name, method.in_channels, method.in_ratio,
                                         method.out_channels, method.out_ratio, method.latency,
                                         strings(method.input_labels, method.in_channels),
                                         strings(method.output_labels, method.out_channels)));
        }
        return result;
    }
    std::vector<std::string> attributes() const {
        return strings(info().attributes, info().attribute_count);
    }

  private:
    static std::vector<std::string> strings(const char* const* list, int count) {
        return {list, list + count};
    }

    std::unique_ptr<timbrel_model, ReleaseModel> handle_;
};

class Stream {
  public:
    Stream(const Model& model, const std::string& method, std::optional<int> buffer, int batch) {
        char error[TIMBREL_ERROR_SIZE];
        const timbrel_stream_options options{method.c_str(),
                                             buffer.value_or(TIMBREL_BUFFER_DEFAULT), batch};
        const py::gil_scoped_release unlocked;
        handle_.reset(api().stream_create(model.get(), &options, error, sizeof(error)));
        if (!handle_)
            throw EngineError(error);
    }

    const timbrel_stream_info& info() const { return *api().stream_info(handle_.get()); }

    void prepare(double sample_rate, int vector_size, bool varies, std::optional<int> slack) {
        char error[TIMBREL_ERROR_SIZE];
        const timbrel_stream_config config{sample_rate, vector_size, varies,
                                           slack.value_or(TIMBREL_SLACK_DEFAULT)};
        if (api().stream_prepare(handle_.get(), &config, error, sizeof(error)) < 0) {
            throw EngineError(error);
        }
        vector_ = vector_size;
    }

    // (channels, frames) in vectors of the prepared size, the last one perhaps shorter.
    Samples process(const Samples& input, bool blocking) {
        if (vector_ == 0)
            throw EngineError("a stream is prepared before it processes");
        const timbrel_method_info& method = *info().method;
        const int inputs = method.in_channels * info().batch;
        const int outputs = method.out_channels * info().batch;
        if (input.ndim() != 2 || input.shape(0) != inputs) {
            throw EngineError("expected an array of shape (" + std::to_string(inputs) +
                              ", frames)");
        }
        const py::ssize_t frames = input.shape(1);
        Samples output({static_cast<py::ssize_t>(outputs), frames});
        const float* in = input.data();
        float* out = output.mutable_data();
        const py::gil_scoped_release unlocked;
        std::vector<const float*> from(static_cast<size_t>(inputs));
        std::vector<float*> to(static_cast<size_t>(outputs));
        for (py::ssize_t at = 0; at < frames; at += vector_) {
            for (int i = 0; i < inputs; ++i)
                from[static_cast<size_t>(i)] = in + i * frames + at;
            for (int i = 0; i < outputs; ++i)
                to[static_cast<size_t>(i)] = out + i * frames + at;
            const int count = static_cast<int>(std::min<py::ssize_t>(vector_, frames - at));
            (blocking ? api().stream_process_blocking_f32 : api().stream_process_f32)(
                handle_.get(), from.data(), to.data(), count);
        }
        return output;
    }

    void reset() { api().stream_reset(handle_.get()); }
    bool enabled() const { return api().stream_enabled(handle_.get()) != 0; }
    void set_enabled(bool enabled) { api().stream_set_enabled(handle_.get(), enabled); }
    timbrel_stream_latency latency() const { return api().stream_latency(handle_.get()); }
    timbrel_stream_stats stats() const { return api().stream_stats(handle_.get()); }
    std::optional<std::string> poll_error() {
        char error[TIMBREL_ERROR_SIZE];
        if (!api().stream_poll_error(handle_.get(), error, sizeof(error)))
            return std::nullopt;
        return error;
    }

  private:
    std::unique_ptr<timbrel_stream, ReleaseStream> handle_;
    int vector_ = 0;  // 0: not prepared
};

}  // namespace

PYBIND11_MODULE(_native, module) {
    py::register_exception_translator([](std::exception_ptr problem) {
        try {
            if (problem)
                std::rethrow_exception(problem);
        } catch (const EngineError& error) {
            const py::object type = py::module_::import("timbrel.errors").attr("UserError");
            PyErr_SetString(type.ptr(), error.what());
        }
    });
    module.def("version", [] { return std::string(api().version()); });
    module.def("torch_version", [] { return std::string(api().torch_version()); });

    py::class_<Model>(module, "Model")
        .def(py::init<const std::string&>(), py::arg("path"))
        .def_property_readonly("name", [](const Model& m) { return std::string(m.info().name); })
        .def_property_readonly("metadata",
                               [](const Model& m) { return std::string(m.info().metadata); })
        .def_property_readonly("sample_rate", [](const Model& m) { return m.info().sample_rate; })
        .def_property_readonly("max_ratio", [](const Model& m) { return m.info().max_ratio; })
        .def_property_readonly("methods", &Model::methods)
        .def_property_readonly("attributes", &Model::attributes);

    py::class_<Stream>(module, "Stream")
        .def(py::init<const Model&, const std::string&, std::optional<int>, int>(),
             py::arg("model"), py::arg("method"), py::arg("buffer"), py::arg("batch"))
        .def_property_readonly("buffer", [](const Stream& s) { return s.info().block; })
        .def("prepare", &Stream::prepare, py::arg("sample_rate"), py::arg("vector_size"),
             py::arg("varies"), py::arg("slack"))
        .def("process", &Stream::process, py::arg("input"), py::arg("blocking"))
        .def("reset", &Stream::reset)
        .def_property("enabled", &Stream::enabled, &Stream::set_enabled)
        .def("latency",
             [](const Stream& s) {
                 return py::make_tuple(s.latency().buffer_latency, s.latency().model_latency);
             })
        .def("stats",
             [](const Stream& s) {
                 const timbrel_stream_stats stats = s.stats();
                 return py::make_tuple(stats.blocks, stats.late, stats.skipped, stats.failed,
                                       stats.non_finite, stats.median_ms, stats.p99_ms,
                                       stats.max_ms, stats.block_ms, stats.load);
             })
        .def("poll_error", &Stream::poll_error);
}
