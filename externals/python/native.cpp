// The engine's C interface as Python sees it. Types and documentation stand in timbrel/engine.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <deque>
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

py::tuple described(const timbrel_method_info& method) {
    const auto strings = [](const char* const* list, int count) {
        return std::vector<std::string>(list, list + count);
    };
    return py::make_tuple(method.name, method.in_channels, method.in_ratio, method.out_channels,
                          method.out_ratio, method.latency,
                          strings(method.input_labels, method.in_channels),
                          strings(method.output_labels, method.out_channels));
}

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
        for (int i = 0; i < info().method_count; ++i)
            result.append(described(info().methods[i]));
        return result;
    }
    py::list attributes() const {
        py::list result;
        for (int i = 0; i < info().attribute_count; ++i) {
            const timbrel_attribute_info& attribute = info().attributes[i];
            const std::vector<int> elements(attribute.elements,
                                            attribute.elements + attribute.element_count);
            result.append(py::make_tuple(attribute.name, elements));
        }
        return result;
    }

  private:
    std::unique_ptr<timbrel_model, ReleaseModel> handle_;
};

// A message's elements in the form that the engine reads, and what they point to.
class Atoms {
  public:
    explicit Atoms(const py::args& values) {
        for (const py::handle value : values) {
            timbrel_atom& atom = atoms_.emplace_back();
            if (py::isinstance<py::str>(value)) {
                atom.text = texts_.emplace_back(value.cast<std::string>()).c_str();
            } else if (py::isinstance<py::tuple>(value)) {  // (name, samples, sample rate)
                const auto tuple = value.cast<py::tuple>();
                const char* name = texts_.emplace_back(tuple[0].cast<std::string>()).c_str();
                const Samples& samples = samples_.emplace_back(tuple[1].cast<Samples>());
                if (samples.ndim() != 2)
                    throw EngineError("a buffer is an array of shape (channels, frames)");
                atom.buffer = &buffers_.emplace_back(name, static_cast<int32_t>(samples.shape(0)),
                                                     static_cast<int64_t>(samples.shape(1)),
                                                     tuple[2].cast<double>(), samples.data());
            } else {
                atom.number = value.cast<double>();
            }
        }
    }
    const timbrel_atom* data() const { return atoms_.data(); }
    int32_t size() const { return static_cast<int32_t>(atoms_.size()); }

  private:
    // Elements stay where they are when others are added.
    std::deque<std::string> texts_;
    std::deque<Samples> samples_;
    std::deque<timbrel_buffer> buffers_;
    std::vector<timbrel_atom> atoms_;
};

class Stream {
  public:
    Stream(int inlets, int outlets, int batch)
        : inlets_(inlets * batch), outlets_(outlets * batch) {
        char error[TIMBREL_ERROR_SIZE];
        const timbrel_stream_options options{inlets, outlets, batch, 0};
        handle_.reset(api().stream_create(&options, error, sizeof(error)));
        if (!handle_)
            throw EngineError(error);
    }

    void open(const Model& model, const std::string& method, std::optional<int> buffer) {
        char error[TIMBREL_ERROR_SIZE];
        const py::gil_scoped_release unlocked;
        if (api().stream_open(handle_.get(), model.get(), method.c_str(),
                              buffer.value_or(TIMBREL_BUFFER_DEFAULT), error, sizeof(error)) < 0)
            throw EngineError(error);
    }

    const timbrel_stream_info& info() const { return *api().stream_info(handle_.get()); }

    void prepare(double sample_rate, int vector_size, bool varies) {
        char error[TIMBREL_ERROR_SIZE];
        const timbrel_stream_config config{sample_rate, vector_size, varies};
        if (api().stream_prepare(handle_.get(), &config, error, sizeof(error)) < 0) {
            throw EngineError(error);
        }
        vector_ = vector_size;
    }

    void send(const std::string& selector, const py::args& values) {
        const Atoms atoms(values);
        char error[TIMBREL_ERROR_SIZE];
        if (api().stream_send(handle_.get(), selector.c_str(), atoms.data(), atoms.size(), error,
                              sizeof(error)) < 0)
            throw EngineError(error);
    }

    // (selector, elements), or None.
    py::object event() {
        const timbrel_event* event = api().stream_event(handle_.get());
        if (!event)
            return py::none();
        py::list elements;
        for (int i = 0; i < event->count; ++i) {
            const timbrel_atom& atom = event->atoms[i];
            elements.append(atom.text ? py::object(py::str(atom.text))
                                      : py::object(py::float_(atom.number)));
        }
        return py::make_tuple(event->selector, elements);
    }

    bool busy() const { return api().stream_busy(handle_.get()) != 0; }
    void set_offline(bool offline) { api().stream_set_offline(handle_.get(), offline); }

    // (channels, frames) in vectors of the prepared size, the last one perhaps shorter.
    Samples process(const Samples& input, bool blocking) {
        if (vector_ == 0)
            throw EngineError("a stream is prepared before it processes");
        if (input.ndim() != 2 || input.shape(0) != inlets_) {
            throw EngineError("expected an array of shape (" + std::to_string(inlets_) +
                              ", frames)");
        }
        const py::ssize_t frames = input.shape(1);
        Samples output({static_cast<py::ssize_t>(outlets_), frames});
        const float* in = input.data();
        float* out = output.mutable_data();
        const py::gil_scoped_release unlocked;
        std::vector<const float*> from(static_cast<size_t>(inlets_));
        std::vector<float*> to(static_cast<size_t>(outlets_));
        for (py::ssize_t at = 0; at < frames; at += vector_) {
            for (int i = 0; i < inlets_; ++i)
                from[static_cast<size_t>(i)] = in + i * frames + at;
            for (int i = 0; i < outlets_; ++i)
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

  private:
    const int inlets_, outlets_;  // of all examples
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
    module.def("messages", [] {
        int32_t count = 0;
        const timbrel_message* table = api().messages(&count);
        py::list result;
        for (int i = 0; i < count; ++i)
            result.append(py::make_tuple(table[i].name, table[i].arguments, table[i].does));
        return result;
    });
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
        .def(py::init<int, int, int>(), py::arg("inlets"), py::arg("outlets"), py::arg("batch"))
        .def("open", &Stream::open, py::arg("model"), py::arg("method"), py::arg("buffer"))
        .def_property_readonly("buffer", [](const Stream& s) { return s.info().block; })
        .def_property_readonly("playing",
                               [](const Stream& s) -> py::object {
                                   const timbrel_stream_info& info = s.info();
                                   if (!info.model)
                                       return py::none();
                                   return py::make_tuple(info.model->name, described(*info.method));
                               })
        .def("send", &Stream::send, py::arg("selector"))
        .def("event", &Stream::event)
        .def_property_readonly("busy", &Stream::busy)
        .def("set_offline", &Stream::set_offline, py::arg("offline"))
        .def("prepare", &Stream::prepare, py::arg("sample_rate"), py::arg("vector_size"),
             py::arg("varies"))
        .def("process", &Stream::process, py::arg("input"), py::arg("blocking"))
        .def("reset", &Stream::reset)
        .def_property("enabled", &Stream::enabled, &Stream::set_enabled)
        .def("latency",
             [](const Stream& s) {
                 const timbrel_stream_latency latency = s.latency();
                 return py::make_tuple(latency.buffer_latency, latency.model_latency,
                                       latency.resampling_latency);
             })
        .def("stats", [](const Stream& s) {
            const timbrel_stream_stats stats = s.stats();
            return py::make_tuple(stats.blocks, stats.late, stats.skipped, stats.failed,
                                  stats.non_finite, stats.swaps, stats.median_ms, stats.p99_ms,
                                  stats.max_ms, stats.block_ms, stats.load);
        });
}
