// Prints the table of messages, one a line, for what is written from it: name, arguments and what
// it does, between tabs.
#include <cstdio>

#include "object/messages.h"

int main() {
    for (const timbrel::Message& each : timbrel::messages())
        std::printf("%s\t%s\t%s\n", each.name, each.arguments, each.does);
}
