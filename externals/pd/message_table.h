// What Pure Data understands besides the engine's messages, or otherwise: `help`, the help patch
// and the tests read it.
#pragma once

#include "timbrel/engine.h"

namespace timbrel::pd {

inline constexpr timbrel_message kLoad{"load", "FILE", "play another model, without a gap"};
inline constexpr timbrel_message kOffline{
    "offline", "0/1/auto",
    "1: wait for the model instead of fading over late blocks; auto: where Pd runs with -batch"};
inline constexpr timbrel_message kPrintAvailableModels{"print_available_models", "",
                                                       "the models that can be downloaded"};
inline constexpr timbrel_message kDownload{"download", "NAME [AS]",
                                           "bring a model into the folder of models"};
inline constexpr timbrel_message kRemove{"remove", "NAME", "remove a model from that folder"};
inline constexpr timbrel_message kHelp{"help", "",
                                       "print this list, and the flags that a box takes"};

inline constexpr const timbrel_message* kOwnMessages[] = {
    &kLoad, &kOffline, &kPrintAvailableModels, &kDownload, &kRemove, &kHelp};

}  // namespace timbrel::pd
