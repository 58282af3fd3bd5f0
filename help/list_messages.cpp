// list_messages FILE: what nn~ for Pd understands, one message a line, for what is written from it:
// name, arguments and what it does, between tabs.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string_view>

#include "object/messages.h"
#include "pd/message_table.h"

namespace {

using timbrel::pd::kOwnMessages;

bool is_replaced(std::string_view name) {
    return std::any_of(std::begin(kOwnMessages), std::end(kOwnMessages),
                       [&](const timbrel_message* own) { return own->name == name; });
}

template <typename Message>
void print(std::FILE* file, const Message& each) {
    std::fprintf(file, "%s\t%s\t%s\n", each.name, each.arguments, each.does);
}

}  // namespace

int main(int count, char** arguments) {
    std::FILE* file = count == 2 ? std::fopen(arguments[1], "w") : nullptr;
    if (!file)
        return 1;
    for (const timbrel::Message& each : timbrel::messages()) {
        if (!is_replaced(each.name))
            print(file, each);
    }
    for (const timbrel_message* each : kOwnMessages)
        print(file, *each);
    return std::fclose(file) == 0 ? 0 : 1;
}
