// The attributes of nn~, mc.nn~ and mcs.nn~, as the inspector and the reference pages show them:
// one table, which knows nothing of Max.
#pragma once

#include <array>
#include <cstddef>

namespace timbrel::max {

struct Attribute {
    const char* name;
    const char* type;      // what Max calls the type
    const char* style;     // of the inspector: onoff, enum, text
    const char* choices;   // of style enum
    const char* category;  // of the inspector
    const char* label;
    const char* does;   // for the reference page
    const char* first;  // the value of a new object, as text
    bool message;       // setting it is the message of that name; else it is Max's own affair
    bool multichannel;  // of mc.nn~ and mcs.nn~ only
};

enum AttributeIndex : size_t {
    kEnable,
    kBypass,
    kMethod,
    kBuffer,
    kSlack,
    kResample,
    kOffline,
    kGpu,
    kDevice,
    kPrecision,
    kTrackBuffers,
    kChans,
    kAttributeCount
};

const std::array<Attribute, kAttributeCount>& attributes();

}  // namespace timbrel::max
