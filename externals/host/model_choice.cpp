#include "model_choice.h"

namespace timbrel::host {

std::string without_extension(const std::string& name) {
    return name.ends_with(".ts") ? name.substr(0, name.size() - 3) : name;
}

const timbrel_method_info* choose_method(const timbrel_model_info& info, const std::string& name,
                                         std::string& complaint) {
    if (info.method_count == 0) {
        complaint = std::string(info.path) + " has no method that can be played";
        return nullptr;
    }
    std::string list;
    const timbrel_method_info* chosen = &info.methods[0];
    for (int i = 0; i < info.method_count; ++i) {
        const std::string each = info.methods[i].name;
        if (each == name)
            return &info.methods[i];
        if (each == "forward")
            chosen = &info.methods[i];
        list += (list.empty() ? "" : ", ") + each;
    }
    complaint = std::string(info.name) + " has no method '" + name + "', using '" + chosen->name +
                "' (it has: " + list + ")";
    return chosen;
}

}  // namespace timbrel::host
