// list_messages FILE: the table of messages, one a line, for what is written from it: name,
// arguments and what it does, between tabs.
#include <cstdio>

#include "object/messages.h"

int main(int count, char** arguments) {
    std::FILE* file = count == 2 ? std::fopen(arguments[1], "w") : nullptr;
    if (!file)
        return 1;
    for (const timbrel::Message& each : timbrel::messages())
        std::fprintf(file, "%s\t%s\t%s\n", each.name, each.arguments, each.does);
    return std::fclose(file) == 0 ? 0 : 1;
}
