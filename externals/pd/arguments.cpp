#include "arguments.h"

#include "atoms.h"

namespace timbrel::pd {

Arguments parse_arguments(int count, const t_atom* atoms) {
    Arguments arguments;
    std::vector<std::string> unknown;
    for (; count && atoms->a_type == A_SYMBOL && *atoms->a_w.w_symbol->s_name == '-';
         --count, ++atoms) {
        const std::string flag = text_of(*atoms);
        if (flag == "-m") {
            arguments.multichannel = true;
        } else if (flag == "-gpu" || flag == "-g") {
            arguments.gpu = true;
        } else if (flag == "-d") {
            arguments.enabled = false;
        } else {
            unknown.push_back("flag '" + flag + "' is not understood; there are -m, -gpu and -d");
        }
    }
    host::Arguments& rest = arguments;
    rest = host::parse_arguments("nn~", host::Form::channels, values_of(count, atoms));
    rest.complaints.insert(rest.complaints.begin(), unknown.begin(), unknown.end());
    return arguments;
}

}  // namespace timbrel::pd
