// What was asked of a stream, for the one that takes its place.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "host/values.h"

namespace timbrel::max {

// Keeps the last message of each kind that changes how a stream plays, in the order in which they
// came; what belongs to a model goes with it.
class Journal {
  public:
    void note(const std::string& selector, const host::Values& values);
    // The last `set` of an attribute, null where there was none.
    const host::Values* setting(const std::string& attribute) const;

    struct Entry {
        std::string kind;
        std::string selector;
        host::Values values;
    };
    // What leads a stream that plays nothing there: settings, then the model that is made ready
    // with them, then what is said to the model itself.
    std::vector<Entry> to_begin_anew() const;

  private:
    std::vector<Entry> entries_;
};

}  // namespace timbrel::max
