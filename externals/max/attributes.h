// The attributes of the objects, as the inspector shows them: one table.
#pragma once

#include <array>
#include <atomic>

#include "max_api.h"

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

// Adds those that objects of this kind have to a class; a setter gets (object, attribute, count,
// atoms), a getter (object, attribute, long* count, t_atom** atoms).
void add_attributes(t_class* to, bool multichannel, method get, method set);

// The one that a getter or a setter was called for.
AttributeIndex index_of(void* attribute);

// The values, to be read and written by any thread.
class AttributeValues {
  public:
    AttributeValues();
    void set(AttributeIndex index, const t_atom& value);
    t_atom get(AttributeIndex index) const;
    double number(AttributeIndex index) const { return cells_[index].number; }
    bool is_word(AttributeIndex index) const { return cells_[index].word != nullptr; }

  private:
    struct Cell {
        std::atomic<t_symbol*> word{nullptr};  // null: a number
        std::atomic<double> number{0};
    };
    std::array<Cell, kAttributeCount> cells_;
};

}  // namespace timbrel::max
