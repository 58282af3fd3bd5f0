// What an object in a patch understands: one table, which both hosts, the help patches, the
// reference pages and the tests read.
#pragma once

#include <string>
#include <vector>

#include "atoms.h"

namespace timbrel {

class Object;

struct Message {
    const char* name;
    const char* arguments;  // as a person writes them; "" where there are none
    const char* does;       // one line
    void (*handle)(Object&, const Atoms&);
};

// In the order in which they are best explained.
const std::vector<Message>& messages();

// Null where there is no such message.
const Message* find_message(const std::string& name);

}  // namespace timbrel
