#include "attribute_table.h"

namespace timbrel::max {

const std::array<Attribute, kAttributeCount>& attributes() {
    static const std::array<Attribute, kAttributeCount> table{{
        {"enable", "long", "onoff", "", "Playing", "Enable",
         "0: silence, and the model is not fed.", "1", true, false},
        {"bypass", "long", "onoff", "", "Playing", "Bypass",
         "1: the input, delayed as the model's output is.", "0", true, false},
        {"method", "symbol", "text", "", "Model", "Method",
         "The method of the model that is played.", "forward", true, false},
        {"buffer", "long", "text", "", "Model", "Buffer (samples)",
         "Samples that are computed at once, rounded up to what the model can do; 0: inside the "
         "audio callback.",
         "2048", true, false},
        {"slack", "float64", "text", "", "Model", "Slack (ms)",
         "The time that inference is given; below 0: as long as a block lasts.", "-1", true, false},
        {"resample", "long", "onoff", "", "Model", "Resample",
         "1: convert between Max's sample rate and the model's.", "0", true, false},
        {"offline", "atom", "enum", "auto 0 1", "Playing", "Wait for the model",
         "1: wait for the model instead of fading over late blocks; auto: with the NonRealTime "
         "driver.",
         "auto", false, false},
        {"gpu", "long", "onoff", "", "Device", "Use the graphics processor",
         "1: compute on the graphics processor.", "0", true, false},
        {"device", "symbol", "text", "", "Device", "Device",
         "Where the model is computed: cpu, cuda, cuda:1, mps.", "cpu", true, false},
        {"precision", "symbol", "enum", "float32 float16 bfloat16", "Device", "Precision",
         "The numbers that the model is computed with.", "float32", true, false},
        {"track_buffers", "long", "onoff", "", "Model", "Follow buffer~ changes",
         "1: a buffer~ that an attribute plays is read again when its content changes.", "0", false,
         false},
        {"chans", "long", "text", "", "Multichannel", "Output channels",
         "Channels of each outlet; 0: as many as there is sound for. Takes effect when the audio "
         "is compiled again.",
         "0", false, true},
    }};
    return table;
}

}  // namespace timbrel::max
