#include "arguments.h"

#include <algorithm>

#include "atoms.h"

namespace timbrel::pd {

const std::vector<Flag>& flags() {
    static const std::vector<Flag> table{
        {"-m", "one inlet and one outlet, whose cables carry the model's channels (Pd 0.54)",
         &Arguments::multichannel, true},
        {"-gpu", "compute on the graphics processor", &Arguments::gpu, true},
        {"-g", "the same as -gpu", &Arguments::gpu, true},
        {"-d", "begin disabled", &Arguments::enabled, false},
    };
    return table;
}

Arguments parse_arguments(int count, const t_atom* atoms) {
    Arguments arguments;
    std::vector<std::string> unknown;
    for (; count && atoms->a_type == A_SYMBOL && *atoms->a_w.w_symbol->s_name == '-';
         --count, ++atoms) {
        const std::string name = text_of(*atoms);
        const auto flag = std::find_if(flags().begin(), flags().end(),
                                       [&](const Flag& each) { return each.name == name; });
        if (flag != flags().end()) {
            arguments.*flag->member = flag->value;
            continue;
        }
        std::string all;
        for (const Flag& each : flags())
            all += std::string(all.empty() ? "" : ", ") + each.name;
        unknown.push_back("flag '" + name + "' is not understood; there are " + all);
    }
    // An abstraction that is opened by itself has 0 in place of its $1: it waits for a model.
    if (count && atoms->a_type == A_FLOAT && atoms->a_w.w_float == 0)
        count = 0;
    host::Arguments& rest = arguments;
    rest = host::parse_arguments("nn~", host::Form::channels, values_of(count, atoms));
    rest.complaints.insert(rest.complaints.begin(), unknown.begin(), unknown.end());
    return arguments;
}

}  // namespace timbrel::pd
