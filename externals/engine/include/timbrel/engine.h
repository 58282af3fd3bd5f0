/* The Timbrel engine: neural audio models played block by block, off the audio thread.
 *
 * A host (Pure Data, Max, Python) needs this header and nothing else: it opens the shared library
 * libtimbrel_engine, asks it for the table of functions below, and never sees libtorch.
 *
 * Threads. Every function says who may call it:
 *   [control]  any thread that is not the audio thread, or the thread of a host that runs its
 *              message handlers and its DSP on one thread, between two process calls. May allocate;
 *              never waits for a model, nor for a thread of lower rank. Where it is called slow,
 *              it may read the disk and call libtorch.
 *   [audio]    the thread that renders. Never allocates, locks, waits, logs or throws.
 *
 * For one stream, `prepare`, `process…` and `release` must not run at the same time as each other.
 *
 * No exception crosses this boundary. A function that can fail writes one line, without a newline,
 * into `error` and returns NULL or a negative number.
 */
#ifndef TIMBREL_ENGINE_H
#define TIMBREL_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define TIMBREL_EXPORT __declspec(dllexport)
#else
#define TIMBREL_EXPORT __attribute__((visibility("default")))
#endif

/* Marks what may run on an audio thread, so that a compiler that can check it (clang >= 20 with
 * -Wfunction-effects, RealtimeSanitizer) does. */
#if defined(__clang__) && defined(__has_attribute)
#if __has_attribute(nonblocking)
#define TIMBREL_NONBLOCKING __attribute__((nonblocking))
#define TIMBREL_NONBLOCKING_IF(condition) __attribute__((nonblocking(condition)))
#endif
#endif
#ifndef TIMBREL_NONBLOCKING
#define TIMBREL_NONBLOCKING
#define TIMBREL_NONBLOCKING_IF(condition)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a struct below changes its layout or a function its meaning. */
#define TIMBREL_ABI_VERSION 3u

/* Long enough for every error line; shorter buffers get a truncated line. */
#define TIMBREL_ERROR_SIZE 512

/* Asks for the default buffer: the smallest multiple of the model's highest ratio >= 2048. */
#define TIMBREL_BUFFER_DEFAULT (-1)

typedef struct timbrel_model timbrel_model;
typedef struct timbrel_stream timbrel_stream;

/* One method of a model: a tensor (batch, in_channels, n / in_ratio) becomes
 * (batch, out_channels, n / out_ratio). */
typedef struct timbrel_method_info {
    const char* name;
    int32_t in_channels;
    int32_t in_ratio;
    int32_t out_channels;
    int32_t out_ratio;
    int32_t latency;                 /* the model's own delay in samples, 0 where it states none */
    const char* const* input_labels; /* in_channels strings, "" where the file has none */
    const char* const* output_labels;
} timbrel_method_info;

/* An attribute of a model: what `set` takes and `get` reports. */
typedef struct timbrel_attribute_info {
    const char* name;
    const int32_t* elements; /* types: 0 bool, 1 int, 2 float, 3 string, 4 tensor, 5 buffer */
    int32_t element_count;
} timbrel_attribute_info;

/* What a model file says about itself. Lives as long as the model is held. */
typedef struct timbrel_model_info {
    const char* path;
    const char* name;     /* from timbrel.json, else the file's name without extension */
    const char* metadata; /* timbrel.json as it stands in the file, "" where there is none */
    double sample_rate;   /* Hz, 0 where the file does not say */
    int32_t max_ratio; /* the unit of the buffer: the highest ratio over all methods, or the least
                          common multiple of all where that is more */
    int32_t method_count;
    int32_t attribute_count;
    const timbrel_method_info* methods;
    const timbrel_attribute_info* attributes;
} timbrel_model_info;

/* Channels per example are fixed for the life of a stream, because a host makes an inlet or an
 * outlet of each. A model with more inputs gets silence there, outputs beyond the outlets are
 * dropped. */
typedef struct timbrel_stream_options {
    int32_t inlets;
    int32_t outlets;
    int32_t batch; /* >= 1: parallel examples, each with channels and state of its own */
    int32_t roomy; /* 1: more channels than a model has are no surprise to anybody (those of a
                      cable, say); 0: a notice tells of them */
} timbrel_stream_options;

/* The content of a host's buffer (buffer~ in Max, an array in Pure Data). */
typedef struct timbrel_buffer {
    const char* name;
    int32_t channels;
    int64_t frames;
    double sample_rate;
    const float* samples; /* (channels, frames) */
} timbrel_buffer;

/* An element of a message: a number, or a text where there is one, or a buffer where there is one.
 */
typedef struct timbrel_atom {
    double number;
    const char* text;
    const timbrel_buffer* buffer;
} timbrel_atom;

/* What a stream has to say: a message that a patch can route, or, with the selector "error" or
 * "notice", one line for a person. */
typedef struct timbrel_event {
    const char* selector;
    const timbrel_atom* atoms;
    int32_t count;
} timbrel_event;

/* A message that a stream understands. */
typedef struct timbrel_message {
    const char* name;
    const char* arguments; /* as a person writes them, "" where there are none */
    const char* does;      /* one line */
} timbrel_message;

typedef struct timbrel_stream_config {
    double sample_rate;  /* Hz */
    int32_t vector_size; /* frames per process call, or the most of them where they vary */
    int32_t
        vector_varies; /* 1: calls bring any number of frames; costs up to a vector of latency */
} timbrel_stream_config;

/* All samples are counted at the host's rate. The total delay is the sum. */
typedef struct timbrel_stream_latency {
    int32_t buffer_latency;
    int32_t model_latency;
    int32_t resampling_latency; /* between the host's rate and the model's */
} timbrel_stream_latency;

/* What a stream plays. Lives until the next call of stream_info for this stream. */
typedef struct timbrel_stream_info {
    const timbrel_model_info* model;   /* NULL: nothing yet; all that follows is 0 then */
    const timbrel_method_info* method; /* NULL likewise */
    int32_t block;                     /* samples that are computed at once */
    int32_t blocking;                  /* 1: buffer 0, every block is computed inside the call */
} timbrel_stream_info;

typedef struct timbrel_stream_stats {
    uint64_t blocks;     /* computed */
    uint64_t late;       /* not ready when their turn came (faded over, or held) */
    uint64_t skipped;    /* never computed, because too many were waiting */
    uint64_t failed;     /* the model raised an error, which an event tells */
    uint64_t non_finite; /* samples that were NaN or infinite and became 0 */
    uint64_t swaps;      /* models that took over from another */
    double median_ms;    /* inference time per block over the last 1024 blocks */
    double p99_ms;
    double max_ms;
    double block_ms; /* what a block lasts; 0 before prepare */
    double load;     /* median_ms / block_ms */
} timbrel_stream_stats;

typedef struct timbrel_api {
    uint32_t abi_version;

    /* [control] The engine's version, and libtorch's. Never fail, never allocate. */
    const char* (*version)(void);
    const char* (*torch_version)(void);

    /* [control, slow] Opens and verifies a model file. A file that is open already is shared. NULL
     * on error. */
    timbrel_model* (*model_open)(const char* path, char* error, size_t error_size);
    /* [control] What is known of a model file without loading it: because it is open already, says
     * so itself, or was open once and has not changed since. NULL where nothing is known; the file
     * may be a model nevertheless. Reads a little of the disk. */
    timbrel_model* (*model_outline)(const char* path);
    /* [control] Owned by the model. */
    const timbrel_model_info* (*model_info)(const timbrel_model* model);
    /* [control] Gives the handle back. Streams made from the model keep what they need. Returns at
     * once: the weights are freed by a background thread. NULL is fine. */
    void (*model_release)(timbrel_model* model);

    /* [control] A stream that plays nothing yet. NULL on error. */
    timbrel_stream* (*stream_create)(const timbrel_stream_options* options, char* error,
                                     size_t error_size);
    /* [control, slow] Has a stream, which nobody processes yet, play one instance of a model,
     * warmed up at its true block size. `buffer` in samples; TIMBREL_BUFFER_DEFAULT; 0: computed
     * inside the call. 0, or negative with `error` (an unknown method, say). The message `load`
     * does the same without waiting, and while the stream plays. */
    int32_t (*stream_open)(timbrel_stream* stream, timbrel_model* model, const char* method,
                           int32_t buffer, char* error, size_t error_size);
    /* [control] Owned by the stream. */
    const timbrel_stream_info* (*stream_info)(timbrel_stream* stream);
    /* [control] Lays out the buffers for a host's rate and vector size. Allocates, never calls
     * libtorch, never waits for a block. The same configuration again changes nothing, so that a
     * rebuild of the host's DSP graph is not heard. 0, or negative with `error`. */
    int32_t (*stream_prepare)(timbrel_stream* stream, const timbrel_stream_config* config,
                              char* error, size_t error_size);

    /* [audio] Plays `frames` samples. `inputs` has batch * inlets pointers (example by example),
     * `outputs` batch * outlets; a NULL input is silence, a NULL output is dropped.
     * Inputs and outputs may be the same memory, as long as frames <= vector_size. Before prepare:
     * silence. */
    void (*stream_process_f32)(timbrel_stream* stream, const float* const* inputs,
                               float* const* outputs, int32_t frames) TIMBREL_NONBLOCKING;
    void (*stream_process_f64)(timbrel_stream* stream, const double* const* inputs,
                               double* const* outputs, int32_t frames) TIMBREL_NONBLOCKING;

    /* The same, but waits for the block whose turn it is: no block is ever late. For offline
     * rendering; with buffer 0 this is what `process` has to be. Not for a real-time thread. */
    void (*stream_process_blocking_f32)(timbrel_stream* stream, const float* const* inputs,
                                        float* const* outputs, int32_t frames);
    void (*stream_process_blocking_f64)(timbrel_stream* stream, const double* const* inputs,
                                        double* const* outputs, int32_t frames);

    /* [control] The messages that stream_send understands, in the order in which they are best
     * explained. */
    const timbrel_message* (*messages)(int32_t* count);
    /* [control] Carries a message out, or sees to it that it will be: never waits. 0, or negative
     * with `error` where it was not understood; what comes of it otherwise is told by events. A
     * `load` names the file by its full path. */
    int32_t (*stream_send)(timbrel_stream* stream, const char* selector, const timbrel_atom* atoms,
                           int32_t count, char* error, size_t error_size);
    /* [control] The next event, which lives until the next call for this stream; NULL when there is
     * nothing to say. Answers to messages that only ask are there as soon as those were sent. */
    const timbrel_event* (*stream_event)(timbrel_stream* stream);
    /* [control] 1 while messages are being carried out: a model is loaded, an attribute is set. */
    int32_t (*stream_busy)(const timbrel_stream* stream);

    /* [audio] [control] 0: silence, the model is not fed. */
    void (*stream_set_enabled)(timbrel_stream* stream, int32_t enabled) TIMBREL_NONBLOCKING;
    int32_t (*stream_enabled)(const timbrel_stream* stream) TIMBREL_NONBLOCKING;
    /* [audio] [control] 1: the host renders faster than real time, and waits: process_blocking also
     * waits for what messages asked for before the call. */
    void (*stream_set_offline)(timbrel_stream* stream, int32_t offline) TIMBREL_NONBLOCKING;
    /* [audio] 1: process_blocking is the function to call, offline or with buffer 0. */
    int32_t (*stream_waits)(const timbrel_stream* stream) TIMBREL_NONBLOCKING;
    /* [audio] [control] From the next process call on: streaming state as loaded, buffers empty. */
    void (*stream_reset)(timbrel_stream* stream) TIMBREL_NONBLOCKING;

    /* [control] Valid after prepare; buffer_latency is 0 before. */
    timbrel_stream_latency (*stream_latency)(const timbrel_stream* stream);
    /* [control] Sorts the recent inference times: costs the audio thread nothing. */
    timbrel_stream_stats (*stream_stats)(const timbrel_stream* stream);
    /* [control] Gives the stream to the background thread that frees it. Returns at once, even when
     * the model is in the middle of a block. NULL is fine. */
    void (*stream_release)(timbrel_stream* stream);
} timbrel_api;

/* [control] The only symbol of the library. NULL when it does not speak this version. */
TIMBREL_EXPORT const timbrel_api* timbrel_get_api(uint32_t abi_version);

typedef const timbrel_api* (*timbrel_get_api_function)(uint32_t abi_version);

#ifdef __cplusplus
}
#endif

#endif /* TIMBREL_ENGINE_H */
