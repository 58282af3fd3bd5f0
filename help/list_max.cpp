// list_max FILE: what the help of the objects for Max is written from, one a line, between tabs:
//
//     message    NAME ARGUMENTS DOES
//     attribute  NAME TYPE STYLE CHOICES CATEGORY LABEL DOES FIRST MULTICHANNEL
#include <cstdio>

#include "max/attribute_table.h"
#include "object/messages.h"

int main(int count, char** arguments) {
    std::FILE* file = count == 2 ? std::fopen(arguments[1], "w") : nullptr;
    if (!file)
        return 1;
    for (const timbrel::Message& each : timbrel::messages())
        std::fprintf(file, "message\t%s\t%s\t%s\n", each.name, each.arguments, each.does);
    for (const timbrel::max::Attribute& each : timbrel::max::attributes()) {
        std::fprintf(file, "attribute\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", each.name, each.type,
                     each.style, each.choices, each.category, each.label, each.does, each.first,
                     each.multichannel);
    }
    return std::fclose(file) == 0 ? 0 : 1;
}
